package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message/compression"
)

// echoLimit bounds all that goes to a Java program and comes back, with the start of the JVM.
const echoLimit = 2 * time.Minute

// TestClientAndJavaReadEachOther sends messages of every kind of body to a Java client, which sends what it has read back. Java 4.9
// reads zlib alone.
func TestClientAndJavaReadEachOther(t *testing.T) {
	t.Parallel()
	for _, target := range clientTargets(t) {
		t.Run(target, func(t *testing.T) {
			need(t, "java", "javac", "mvn")
			s := startServer(t, target)
			t.Run(javaNew, func(t *testing.T) { echo(t, s, javaNew, compression.Zlib, compression.LZ4, compression.ZSTD) })
			t.Run(javaOld, func(t *testing.T) { echo(t, s, javaOld, compression.Zlib) })
		})
	}
}

func echo(t *testing.T, s *server, version string, kinds ...compression.Kind) {
	ctx, cancel := context.WithTimeout(context.Background(), echoLimit)
	defer cancel()
	l := &clientLab{T: t, ctx: ctx, s: s, prefix: "echo-" + version[:1]}
	there, back, group := l.topicNamed(l.unique("there"), 2), l.topicNamed(l.unique("back"), 5), l.group("group")
	java := javaProgram(t, version)
	java.command[len(java.command)-1] = "interop.Echo"
	r := newRoll()
	member := java.begin(t, s, r.onLine, "INTEROP_TOPIC="+there, "INTEROP_GROUP="+group, "INTEROP_ECHO="+back)
	sent := map[string]*client.Message{} // by id
	where := map[string]client.SendResult{}
	c := l.client()
	for _, kind := range kinds {
		p := l.producerOn(c, func(c *client.ProducerConfig) { c.Group, c.Compression = l.unique(kindName(kind)), kind })
		for i, size := range []int{1, 4096, 5000, 1 << 20} {
			m := &client.Message{Topic: there, Body: []byte(compressible(size)), Tag: "tag", Keys: []string{fmt.Sprintf("key-%s-%d", kindName(kind), i)},
				Flag: 5, Properties: map[string]string{"kind": kindName(kind), "mine": "ü 火 🚀"}}
			res := l.send(p, m)
			sent[res.ID], where[res.ID] = m, res
		}
		ms := messages(there, numbered("batched", 3))
		for _, m := range ms {
			m.Tag, m.Keys, m.Properties = "batch", []string{string(m.Body)}, map[string]string{"kind": kindName(kind), "mine": "batched"}
		}
		results, err := p.SendBatch(ctx, ms)
		l.must(err)
		for i, res := range results {
			sent[res.ID], where[res.ID] = ms[i], res
		}
	}
	in := l.consume(back, l.group("reader"))
	for len(sent) > 0 {
		d := l.next(in)
		id := d.Property("id")
		m := sent[id]
		if m == nil {
			continue // again, since Java's send was answered too late
		}
		res := where[id]
		want := *m
		want.Topic, want.Properties = back, map[string]string{"kind": m.Properties["kind"], "mine": m.Properties["mine"], "id": id,
			"reading": fmt.Sprintf("%d %d", res.Offset, res.Queue.QueueID)}
		l.equal("message "+id, want, d.Message)
		if kind, err := compression.Of(d.SysFlag); len(m.Body) > 4096 && (err != nil || kindName(kind) != m.Properties["kind"] || d.StoreSize > len(m.Body)/2) {
			t.Errorf("from Java: %d bytes in %d, system flag %#x", len(m.Body), d.StoreSize, d.SysFlag)
		}
		l.equal("queue that the key chooses", d.Queue, l.send(l.producerOn(c, func(c *client.ProducerConfig) { c.Group = l.unique(id) }),
			&client.Message{Topic: back, Body: []byte("ours")}, client.ByKey(m.Keys[0])).Queue)
		delete(sent, id)
	}
	member.tell("STOP")
	l.must(member.wait())
}

func kindName(kind compression.Kind) string {
	return map[compression.Kind]string{compression.Zlib: "ZLIB", compression.LZ4: "LZ4", compression.ZSTD: "ZSTD"}[kind]
}
