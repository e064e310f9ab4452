package protocol

import (
	"bytes"
	"compress/zlib"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// What the 5.5.0 broker sends at its start, on a change of one topic, and with compressedRegister=true.
func TestRegistrationGoldens(t *testing.T) {
	f := func(name string, topics int, order bool) {
		t.Helper()
		frame := goldenFrame(t, name)
		var h RegisterBrokerHeader
		if err := h.Decode(frame.Fields); err != nil {
			t.Fatal(err)
		}
		if frame.Code != ReqRegisterBroker || h.BrokerName != "broker-a" || h.BrokerAddr != "127.0.0.1:21010" || h.ClusterName != "DefaultCluster" || h.BrokerID != 0 ||
			!h.HasEnableActingMaster || h.EnableActingMaster || h.HeartbeatTimeoutMillis != 0 {
			t.Errorf("%s: header %+v", name, h)
		}
		if sum := message.CRC(frame.Body); sum != uint32(h.BodyCRC32) {
			t.Errorf("%s: checksum %d, header %d", name, sum, h.BodyCRC32)
		}
		body, err := UnmarshalRegisterBroker(frame.Body, h.Compressed, frame.Version)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(body.Topics.Topics) != topics || body.Topics.Topics["TBW102"].Perm != 7 && topics > 1 {
			t.Errorf("%s: topics %+v", name, body.Topics.Topics)
		}
		want := goldenTopic()
		want.Order = order
		same(t, body.Topics.Topics["golden"], want)
	}
	// order is not in the lines of the compressed form
	f("register_plain.frame", 16, true)
	f("register_delta.frame", 1, true)
	f("register_compressed.frame", 16, false)
}

func TestRegisterBodyComesBack(t *testing.T) {
	in := RegisterBrokerBody{FilterServers: []string{"f:1"}, Topics: TopicConfigTable{DataVersion: DataVersion{3, 2, 1},
		Topics:   map[string]TopicConfig{"golden": goldenTopic(), "b": {TopicName: "b", ReadQueueNums: 1, WriteQueueNums: 2, Perm: 4, TopicFilterType: "MULTI_TAG"}},
		Mappings: map[string]TopicQueueMappingInfo{"s": {BrokerName: "b", CurrIDMap: map[int32]int32{0: 0}, Epoch: 1, Topic: "s", TotalQueues: 1}}}}
	for _, compressed := range []bool{false, true} {
		b, err := in.Marshal(compressed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := UnmarshalRegisterBroker(b, compressed, Version5_5_0)
		if err != nil {
			t.Fatal(err)
		}
		want := in
		if compressed { // order is not in the lines of the compressed form
			g := goldenTopic()
			g.Order = false
			want.Topics.Topics = map[string]TopicConfig{"golden": g, "b": {Attributes: map[string]string{}, TopicName: "b", ReadQueueNums: 1, WriteQueueNums: 2, Perm: 4, TopicFilterType: "MULTI_TAG"}}
		}
		same(t, got, want)
	}
	if b, err := UnmarshalRegisterBroker(nil, true, Version5_5_0); err != nil || b.Topics.Topics != nil {
		t.Errorf("an empty body: %+v, %v", b, err)
	}
}

func TestDeflateBombIsRefused(t *testing.T) {
	var bomb bytes.Buffer
	w := zlib.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, MaxRegisterBytes+1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bomb.Len() > 128<<10 {
		t.Fatalf("the bomb has %d bytes, which is no bomb", bomb.Len())
	}
	_, err := UnmarshalRegisterBroker(bomb.Bytes(), true, Version5_5_0)
	if err == nil || !strings.Contains(err.Error(), "limit of 33554432") {
		t.Errorf("got %v", err)
	}
}

func TestTooManyTopicsAreRefused(t *testing.T) {
	var body bytes.Buffer
	w := zlib.NewWriter(&body)
	text := append([]byte{0, 0, 0, 2, '{', '}', 0, 0x08, 0, 1}, make([]byte, 1<<20)...)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := UnmarshalRegisterBroker(body.Bytes(), true, Version5_5_0)
	if err == nil || !strings.Contains(err.Error(), "524289 topics, more than the limit of 524288") {
		t.Errorf("got %v", err)
	}
}

func FuzzRegisterBody(f *testing.F) {
	f.Add(goldenFrame(f, "register_plain.frame").Body, false)
	f.Add(goldenFrame(f, "register_compressed.frame").Body, true)
	f.Fuzz(func(t *testing.T, b []byte, compressed bool) {
		body, err := UnmarshalRegisterBrokerWithin(b, compressed, Version5_5_0, 1<<20)
		if err != nil {
			return
		}
		again, err := body.Marshal(true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := UnmarshalRegisterBrokerWithin(again, true, Version5_5_0, 1<<24); err != nil && !strings.Contains(err.Error(), "topic line") {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}
