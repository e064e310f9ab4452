package proxy_test

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/remoting"
)

// tool asks the broker as administrators' tools do.
func (n *node) tool(code int32, fields map[string]string) *protocol.Frame {
	n.t.Helper()
	c, err := remoting.Dial(n.ctx(), n.Addr(), remoting.Options{})
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	f := &protocol.Frame{Code: code, Version: protocol.CurrentVersion}
	for k, v := range fields {
		f.Fields.Add(k, v)
	}
	answer, err := c.Invoke(n.ctx(), f)
	if err != nil {
		n.t.Fatal(err)
	}
	return answer
}

// TestAdministratorsAskClients relays what tools ask of a consumer through its telemetry stream.
func TestAdministratorsAskClients(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := n.client("p"), n.client("c")
	stored := p.send(plain("orders", "01AA", "body"))
	st, _ := c.settle(consumer(pb.ClientType_PUSH_CONSUMER, "g", "orders"))
	answers := make(chan *protocol.Frame)

	go func() {
		answers <- n.tool(protocol.ReqGetConsumerRunningInfo, map[string]string{"consumerGroup": "g", "clientId": "c", "jstackEnable": "true"})
	}()
	in, err := st.Recv()
	if err != nil {
		t.Fatal(err)
	}
	nonce := in.GetPrintThreadStackTraceCommand().GetNonce()
	if err := st.Send(&pb.TelemetryCommand{Status: &pb.Status{Code: pb.Code_OK}, Command: &pb.TelemetryCommand_ThreadStackTrace{ThreadStackTrace: &pb.ThreadStackTrace{Nonce: nonce, ThreadStackTrace: new("goroutine 1")}}}); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.Code != protocol.ResSuccess || !strings.Contains(string(a.Body), "goroutine 1") {
		t.Errorf("running info: %d %q %s", a.Code, a.Remark, a.Body)
	}

	_ = stored
	id := n.offsetID("orders")
	go func() {
		answers <- n.tool(protocol.ReqConsumeMessageDirectly, map[string]string{"consumerGroup": "g", "clientId": "c", "msgId": id, "topic": "orders"})
	}()
	if in, err = st.Recv(); err != nil {
		t.Fatal(err)
	}
	v := in.GetVerifyMessageCommand()
	if string(v.GetMessage().GetBody()) != "body" {
		t.Errorf("verify %v", in)
	}
	if err := st.Send(&pb.TelemetryCommand{Status: &pb.Status{Code: pb.Code_OK}, Command: &pb.TelemetryCommand_VerifyMessageResult{VerifyMessageResult: &pb.VerifyMessageResult{Nonce: v.GetNonce()}}}); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.Code != protocol.ResSuccess || !strings.Contains(string(a.Body), "CR_SUCCESS") {
		t.Errorf("consume directly: %d %q %s", a.Code, a.Remark, a.Body)
	}
}

// offsetID is the id of the one message of a topic by which tools find it.
func (n *node) offsetID(topic string) string {
	n.t.Helper()
	all, err := n.admin().Messages(n.ctx(), admin.Query{Topic: topic, Key: "01AA", Unique: true})
	if err != nil || len(all) != 1 {
		n.t.Fatalf("%v, %v", all, err)
	}
	return all[0].OffsetID
}
