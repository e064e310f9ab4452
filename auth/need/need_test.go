package need_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/need"
	"github.com/aerobee-mq/aerobee/protocol"
)

// asked is what a request asks for: "Sub,Get Topic:a; Sub Group:g".
func asked(t *need.Table, code int32, fields, body string) string {
	f := protocol.Frame{Code: code}
	for pair := range strings.FieldsSeq(fields) {
		name, value, _ := strings.Cut(pair, "=")
		f.Fields.Add(name, value)
	}
	if body != "" {
		f.Body = []byte(body)
	}
	needs, err := t.Of(&f)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, n := range needs {
		out = append(out, strings.Join(n.Actions, ",")+" "+n.Resource.String())
	}
	return strings.Join(out, "; ")
}

// TestNeeds asks by each kind of row.
func TestNeeds(t *testing.T) {
	table := need.New("c")
	f := func(code int32, fields, body, want string) {
		t.Helper()
		if got := asked(table, code, fields, body); got != want {
			t.Errorf("%d %s %s\n got %q\nwant %q", code, fields, body, got, want)
		}
	}
	// Sends: the topic's name stands in another field by the code. To a retry topic it is its group's message that comes back.
	f(protocol.ReqSendMessage, "topic=a producerGroup=p b=x", "hello", "Pub Topic:a")
	f(protocol.ReqSendMessageV2, "b=a a=p topic=x", "hello", "Pub Topic:a")
	f(protocol.ReqSendBatchMessage, "b=a a=p", "hello", "Pub Topic:a")
	f(protocol.ReqSendReplyMessageV2, "b=c_REPLY_TOPIC", "hello", "Pub Topic:c_REPLY_TOPIC")
	f(protocol.ReqSendMessage, "topic=%RETRY%g producerGroup=CLIENT_INNER_PRODUCER", "hello", "Sub Group:g")
	f(protocol.ReqSendMessageV2, "b=%RETRY%g a=other", "hello", "Sub Group:g")
	f(protocol.ReqSendMessageV2, "a=p", "hello", "Pub Cluster:c")
	f(protocol.ReqConsumerSendMsgBack, "group=g originTopic=a", "", "Sub Group:g")
	f(protocol.ReqRecallMessage, "topic=a", "", "Pub Topic:a")
	f(protocol.ReqEndTransaction, "topic=a", "", "Pub Topic:a")
	f(protocol.ReqEndTransaction, "producerGroup=p", "", "")
	f(protocol.ReqEndTransaction, "topic=RMQ_SYS_TRANS_HALF_TOPIC", "", "")
	// Consumers.
	f(protocol.ReqPullMessage, "topic=a consumerGroup=g", "", "Sub Topic:a; Sub Group:g")
	f(protocol.ReqPullMessage, "topic=%RETRY%g consumerGroup=g", "", "Sub Group:g")
	f(protocol.ReqPullMessage, "topic=%RETRY%other consumerGroup=g", "", "Sub Group:other; Sub Group:g")
	f(protocol.ReqPopMessage, "topic=a consumerGroup=g", "", "Sub Group:g; Sub Topic:a")
	f(protocol.ReqAckMessage, "topic=%RETRY%g_a consumerGroup=g", "", "Sub Group:g; Sub Topic:a")
	f(protocol.ReqAckMessage, "topic=%RETRY%g+a consumerGroup=g", "", "Sub Group:g")
	f(protocol.ReqAckMessage, "topic=%RETRY%h+a consumerGroup=g", "", "Sub Group:g; Sub Group:h")
	f(protocol.ReqAckMessage, "topic=%RETRY%h_a consumerGroup=g", "", "Sub Group:g; Sub Group:h_a")
	f(protocol.ReqPollingInfo, "topic=a consumerGroup=g", "", "Get Group:g; Get Topic:a")
	f(protocol.ReqBatchAckMessage, "", `{"acks":[{"c":"g","t":"a"},{"c":"g","t":"b"}]}`, "Sub Group:g; Sub Topic:a; Sub Topic:b")
	f(protocol.ReqQueryAssignment, "", `{"consumerGroup":"g","topic":"a"}`, "Sub Group:g; Sub Topic:a")
	f(protocol.ReqSetMessageRequestMode, "", `{"consumerGroup":"g","topic":"a"}`, "Update Group:g; Update Topic:a")
	f(protocol.ReqLiteSubscriptionCtl, "", `{"subscriptionSet":[{"group":"g","topic":"a"}]}`, "Sub Group:g; Sub Topic:a")
	f(protocol.ReqLockBatchMQ, "", `{"consumerGroup":"g","mqSet":[{"topic":"a"},{"topic":"%RETRY%g"}]}`, "Sub Group:g; Sub Topic:a")
	f(protocol.ReqHeartBeat, "", `{"producerDataSet":[{"groupName":"p"}]}`, "")
	f(protocol.ReqHeartBeat, "", `{"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"topic":"a"},{"topic":"%RETRY%g"}]},{"groupName":"h"}]}`, "Sub Group:g; Sub Topic:a; Sub Group:h")
	f(protocol.ReqUnregisterClient, "consumerGroup=g", "", "Sub Group:g")
	f(protocol.ReqUnregisterClient, "producerGroup=p", "", "")
	f(protocol.ReqGetConsumerListByGroup, "consumerGroup=g", "", "Sub,Get Group:g")
	f(protocol.ReqQueryConsumerOffset, "topic=a consumerGroup=g", "", "Sub,Get Topic:a; Sub,Get Group:g")
	f(protocol.ReqUpdateConsumerOffset, "topic=%RETRY%g consumerGroup=g", "", "Sub,Update Group:g")
	// Administration.
	f(protocol.ReqUpdateAndCreateTopic, "topic=a", "", "Create Topic:a")
	f(protocol.ReqUpdateAndCreateTopicList, "", `{"topicConfigList":[{"topicName":"a"},{"topicName":"b"}]}`, "Create Topic:a; Create Topic:b")
	f(protocol.ReqDeleteTopicInBrokerList, "", `{"topicList":["a"]}`, "Delete Topic:a")
	f(protocol.ReqUpdateAndCreateSubscriptionGroup, "", `{"groupName":"g"}`, "Create,Update Group:g")
	f(protocol.ReqUpdateAndCreateSubscriptionGroupList, "", `{"groupConfigList":[{"groupName":"g"}]}`, "Create,Update Group:g")
	f(protocol.ReqDeleteSubscriptionGroupList, "", `{"groupNameList":["g"]}`, "Delete Group:g")
	f(protocol.ReqGetConsumeStats, "consumerGroup=g topicList=a;b", "", "Get Group:g; Get Topic:a; Get Topic:b")
	f(protocol.ReqQueryCorrectionOffset, "filterGroups=g,h compareGroup=i topic=a", "", "Get Group:g; Get Group:h; Get Group:i; Get Topic:a")
	f(protocol.ReqViewMessageByID, "topic=a offset=1", "", "Get Topic:a")
	f(protocol.ReqViewMessageByID, "offset=1", "", "Get Cluster:c")
	f(protocol.ReqUpdateBrokerConfig, "", "a=b", "Update Cluster:c")
	f(protocol.ReqAuthCreateUser, "username=u", "{}", "Update Cluster:c")
	f(protocol.ReqAuthListACL, "", "", "Get Cluster:c")
	f(protocol.ReqAuthListUser, "", "", "Update Cluster:c")
	f(protocol.ReqAuthGetUser, "username=u", "", "Update Cluster:c")
	f(protocol.ReqRegisterBroker, "clusterName=d", "", "Update Cluster:d")
	f(protocol.ReqRegisterBroker, "", "", "Update Cluster:c")
	f(protocol.ReqGetRouteInfoByTopic, "topic=a", "", "")
	f(protocol.ReqGetBrokerClusterInfo, "", "", "")
	// What nobody has a row for, and what cannot be read.
	f(4711, "", "", "Update Cluster:c")
	f(protocol.ReqHeartBeat, "", `{`, asked(table, protocol.ReqHeartBeat, "", `{`))
	if got := asked(table, protocol.ReqHeartBeat, "", `{`); !strings.HasPrefix(got, "error: ") {
		t.Errorf("half a body asks for %q", got)
	}
	f(protocol.ReqPullMessage, "topic=a consumerGroup=g topic=b", "", `error: the request has the field "topic" twice`)
	many := "topic=a topic=b"
	for i := range 40 {
		many += fmt.Sprintf(" f%d=x", i)
	}
	f(protocol.ReqSendMessage, many, "", `error: the request has the field "topic" twice`)
}

func TestBounds(t *testing.T) {
	table := need.New("c")
	if got := asked(table, protocol.ReqHeartBeat, "", strings.Repeat(" ", 4<<20+1)); got != "error: the request's body has 4194305 bytes, the limit is 4194304" {
		t.Errorf("a large body: %s", got)
	}
	var names []string
	for i := range 4097 {
		names = append(names, fmt.Sprintf(`"t%d"`, i))
	}
	if got := asked(table, protocol.ReqDeleteTopicInBrokerList, "", `{"topicList":[`+strings.Join(names, ",")+`]}`); got != "error: the request names more than 4096 topics and groups" {
		t.Errorf("many topics: %.100s", got)
	}
	if !table.Free(protocol.ReqGetRouteInfoByTopic) || table.Free(protocol.ReqSendMessage) || table.Free(4711) || table.Has(4711) || !table.Has(10) {
		t.Error("what is free and what there is")
	}
}

// FuzzBodies: no body of a request makes the table fall over, and what it asks for is about something.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{}`, `{"consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"topic":"a"}]}]}`, `{"acks":[{"c":"g","t":"%RETRY%g_a"}]}`, `{"topicList":["%RETRY%"]}`,
		`{"groupConfigList":[{"groupName":"%RETRY%"}]}`, `{"mqSet":[{}]}`, `[]`} {
		for _, code := range []int32{protocol.ReqHeartBeat, protocol.ReqBatchAckMessage, protocol.ReqLockBatchMQ, protocol.ReqDeleteTopicInBrokerList, protocol.ReqUpdateAndCreateSubscriptionGroupList} {
			f.Add(code, s)
		}
	}
	table := need.New("c")
	f.Fuzz(func(t *testing.T, code int32, body string) {
		needs, err := table.Of(&protocol.Frame{Code: code, Body: []byte(body)})
		for _, n := range needs {
			if err != nil || n.Resource.Kind == "" || n.Resource.Name == "" || len(n.Actions) == 0 {
				t.Fatalf("%d %q asks for %v, %v", code, body, needs, err)
			}
		}
	})
}
