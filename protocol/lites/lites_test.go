package lites_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/lites"
)

func TestHeaders(t *testing.T) {
	var f protocol.Frame
	for _, pair := range [][2]string{{"topic", "t"}, {"parentTopic", "p"}, {"liteTopic", "l"}, {"group", "g"}, {"clientId", "c"}, {"maxCount", "7"}, {"topK", "8"}} {
		f.Fields.Add(pair[0], pair[1])
	}
	var parent lites.ParentHeader
	var topic lites.TopicHeader
	var client lites.ClientHeader
	var group lites.GroupHeader
	var dispatch lites.DispatchHeader
	all := []interface {
		Decode(f *protocol.Frame) error
	}{&parent, &topic, &client, &group, &dispatch}
	for _, h := range all {
		if err := h.Decode(&f); err != nil {
			t.Errorf("%T: %v", h, err)
		}
	}
	if (parent != lites.ParentHeader{Topic: "t"}) || (topic != lites.TopicHeader{Parent: "p", LiteTopic: "l"}) ||
		(client != lites.ClientHeader{Parent: "p", Group: "g", ClientID: "c", MaxCount: 7}) || (group != lites.GroupHeader{Group: "g", LiteTopic: "l", TopK: 8}) ||
		(dispatch != lites.DispatchHeader{Group: "g", ClientID: "c"}) {
		t.Errorf("read %+v %+v %+v %+v %+v", parent, topic, client, group, dispatch)
	}
	for _, h := range all {
		if err := h.Decode(&protocol.Frame{}); err == nil {
			t.Errorf("%T needs no field", h)
		}
	}
}
