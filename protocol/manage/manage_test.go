package manage_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
	"github.com/google/go-cmp/cmp"
)

func TestTablesAreWrittenAsFastjsonDoes(t *testing.T) {
	v := protocol.DataVersion{Counter: 1, Timestamp: 2}
	offsets := manage.Offsets{Version: v, Topics: map[string][]string{"g": {"a\"", "b"}}, Lights: map[string]int64{"%LMQ%l@g": 3},
		Offsets: map[string]map[int32]int64{"b@g": {}, "a\"@g": {1: 5, 0: 7}}}
	delays := manage.DelayOffsets{Version: v, Offsets: map[int32]int64{10: 1, 2: 0}}
	corrections := manage.Corrections{Offsets: map[int32]int64{0: 1 << 62}}
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{offsets.Append(nil), `{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":2},"groupTopicMap":{"g":["a\"","b"]},"lmqOffsetTable":{"%LMQ%l@g":3},"offsetTable":{"a\"@g":{0:7,1:5},"b@g":{}},"pullOffsetTable":{}}`},
		{delays.Append(nil), `{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":2},"offsetTable":{2:0,10:1}}`},
		{corrections.Append(nil), `{"correctionOffsets":{0:4611686018427387904}}`},
	} {
		if diff := cmp.Diff(c.want, string(c.got)); diff != "" {
			t.Error(diff)
		}
	}
	var again manage.Offsets
	if err := protocol.UnmarshalBody(offsets.Append(nil), &again); err != nil || !cmp.Equal(again, offsets) {
		t.Errorf("read again: %v, %v", again, err)
	}
}

func TestATopicThatSaysLittleHasRocketMQsSettings(t *testing.T) {
	var topics manage.Topics
	if err := protocol.UnmarshalBody([]byte(`{"topicConfigList":[{"topicName":"a"},{topicName:"b",perm:4,readQueueNums:0,attributes:{"+message.type":"FIFO"}}]}`), &topics); err != nil {
		t.Fatal(err)
	}
	want := []protocol.TopicConfig{
		{TopicName: "a", ReadQueueNums: 16, WriteQueueNums: 16, Perm: 6},
		{TopicName: "b", WriteQueueNums: 16, Perm: 4, Attributes: protocol.Attributes{"+message.type": "FIFO"}},
	}
	if diff := cmp.Diff(want, topics.Topics); diff != "" {
		t.Error(diff)
	}
}

// FuzzBodies: no body of a request does harm.
func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"topicConfigList":[{"topicName":"a","perm":6}]}`))
	f.Add([]byte(`{"topicList":["a"]}`))
	f.Add([]byte(`{"cleanOffset":true,"groupNameList":["a",null]}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = protocol.UnmarshalBody(b, &manage.Topics{})
		_ = protocol.UnmarshalBody(b, &manage.TopicNames{})
		_ = protocol.UnmarshalBody(b, &manage.GroupNames{})
	})
}
