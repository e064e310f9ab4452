package protocol

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHeartbeatOfEveryClient reads the same heartbeat as Java, Go and the C++ client write it. The latter two are as
// rocketmq-client-go 2.1.2 and librocketmq 1.2 send them.
func TestHeartbeatOfEveryClient(t *testing.T) {
	want := ConsumerData{GroupName: "g", ConsumeType: ConsumePassively, MessageModel: ModelClustering, ConsumeFromWhere: ConsumeFromLast,
		SubscriptionData: []SubscriptionData{{Topic: "t", SubString: "a", TagsSet: []string{"a"}, CodeSet: []int32{97}, SubVersion: 1795386871602}}}
	for client, body := range map[string]string{
		"java": `{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",` +
			`"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"t","subString":"a","tagsSet":["a"],"codeSet":[97],"subVersion":1795386871602}]}]}`,
		"go": `{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",` +
			`"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{"topic":"t","subString":"a","tagsSet":["a"],"codeSet":["97"],"subVersion":1795386871602}]}]}`,
		"c++": `{"clientID":"c","consumerDataSet":[{"groupName":"g","consumeType":1,"messageModel":1,` +
			`"consumeFromWhere":0,"subscriptionDataSet":[{"topic":"t","subString":"a","tagsSet":["a"],"codeSet":[97],"subVersion":"1795386871602"}]}]}`,
	} {
		h, err := UnmarshalHeartbeat([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", client, err)
			continue
		}
		if diff := cmp.Diff([]ConsumerData{want}, h.ConsumerDataSet); diff != "" {
			t.Errorf("%s (-want +got):\n%s", client, diff)
		}
	}
}

func TestHeartbeatRefusesByName(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		_, err := UnmarshalHeartbeat([]byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	f(`{"consumerDataSet":[{"groupName":"g","consumeType":7}]}`, "consumeType is 7, an ordinal is 0 to 2")
	f(`{"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"codeSet":["x"]}]}]}`, `codeSet is "x", not a whole number of 32 bits`)
	f(`{"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"subVersion":{}}]}]}`, "subVersion is {}, not a whole number of 64 bits")
}
