package admin_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// lab is a node in memory, an Admin on it, and a connection that plays producers and consumers.
type lab struct {
	*admin.Admin
	t    *testing.T
	addr string
	conn *remoting.Conn
	// running is what the consumer of the connection answers to 307.
	running string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	server, err := aerobee.Start(aerobee.Config{Memory: true, Settings: map[string]string{"brokerName": "b1", "defaultTopicQueueNums": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, addr: server.Addr()}
	mux := remoting.NewMux()
	mux.Handle(protocol.ReqGetConsumerRunningInfo, "GET_CONSUMER_RUNNING_INFO", func(c *remoting.Conn, f *protocol.Frame) {
		r := f.Reply(protocol.ResSuccess, "")
		r.Body = []byte(l.running)
		_ = c.Send(&r)
	})
	if l.conn, err = remoting.Dial(t.Context(), l.addr, remoting.Options{Mux: mux}); err != nil {
		t.Fatal(err)
	}
	if l.Admin, err = admin.New(admin.Options{NameServers: []string{l.addr}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Admin.Close(); err != nil {
			t.Error(err)
		}
		_ = l.conn.Close()
		l.conn.Wait()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// invoke sends a request over the lab's own connection; it must succeed.
func (l *lab) invoke(code int32, h interface{ Append(fs *protocol.Fields) }, body []byte) *protocol.Frame {
	l.t.Helper()
	f := &protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Body: body}
	if h != nil {
		h.Append(&f.Fields)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	r, err := l.conn.Invoke(ctx, f)
	if err != nil || r.Code != protocol.ResSuccess {
		l.t.Fatalf("request %d: %v, %+v", code, err, r)
	}
	return r
}

// send stores a message and returns its offset message id.
func (l *lab) send(topic string, queue int32, body, id, keys string) string {
	l.t.Helper()
	return l.sendFlagged(topic, queue, body, id, keys, 0)
}

func (l *lab) sendFlagged(topic string, queue int32, body, id, keys string, flag message.SysFlag) string {
	l.t.Helper()
	var p message.Properties
	p = message.AppendProperty(p, message.PropUniqueKey, id)
	p = message.AppendProperty(p, message.PropTags, "TagA")
	if keys != "" {
		p = message.AppendProperty(p, message.PropKeys, keys)
	}
	r := l.invoke(protocol.ReqSendMessage, fields{"producerGroup": "p", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "2", "queueId": fmt.Sprint(queue),
		"sysFlag": fmt.Sprint(flag), "bornTimestamp": "1700000000000", "flag": "0", "properties": string(p), "reconsumeTimes": "0"}, []byte(body))
	return r.Fields.String("msgId")
}

// fields are a request's header fields by name.
type fields map[string]string

// Append adds them.
func (f fields) Append(fs *protocol.Fields) {
	for name, value := range f {
		fs.Add(name, value)
	}
}

// consume makes the lab's connection a member of the group.
func (l *lab) consume(group, topic, client string) {
	l.t.Helper()
	l.invoke(protocol.ReqHeartBeat, nil, protocol.MarshalBody(protocol.HeartbeatData{ClientID: client, ProducerDataSet: []protocol.ProducerData{},
		ConsumerDataSet: []protocol.ConsumerData{{GroupName: group, ConsumeType: protocol.ConsumePassively, MessageModel: protocol.ModelClustering,
			ConsumeFromWhere: protocol.ConsumeFromFirst, SubscriptionData: []protocol.SubscriptionData{{Topic: topic, SubString: "TagA || TagB", TagsSet: []string{"TagA", "TagB"}, CodeSet: []int32{2598919, 2598920}, SubVersion: 1}}}}}))
}

func (l *lab) commit(group, topic string, queue int32, offset int64) {
	l.t.Helper()
	l.invoke(protocol.ReqUpdateConsumerOffset, &protocol.UpdateConsumerOffsetHeader{ConsumerGroup: group, Topic: topic, QueueID: queue, CommitOffset: offset}, nil)
}
