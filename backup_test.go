package aerobee

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store/backup"
)

// TestBackupOfARunningNode takes a copy over HTTP and starts a node on it: messages, topics, offsets and KV configuration are
// there, and queues go on with their numbers.
func TestBackupOfARunningNode(t *testing.T) {
	s := startAt(t, t.TempDir())
	defer stop(t, s)
	p := s.dial(t)
	for _, body := range []string{"one", "two", "three"} {
		p.mustSend("T", body, "i", "KEYS\x01k-"+body+"\x02")
	}
	p.pull("G", "T", 0, 0)
	p.wantCode(p.call(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "2"), protocol.ResSuccess, "")
	p.wantCode(p.call(protocol.ReqPutKVConfig, "", "namespace", "N", "key", "K", "value", "V"), protocol.ResSuccess, "")
	resp, err := http.Get("http://" + s.Addr() + "/api/v1/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	dir := t.TempDir() + "/copy"
	if _, err := backup.Receive(vfs.Default, dir, resp.Body, nil); err != nil {
		t.Fatal(err)
	}
	p.mustSend("T", "behind the copy")

	after := startAt(t, dir)
	defer stop(t, after)
	p = after.dial(t)
	if r := p.pull("G", "T", 2, 0); r.Code != protocol.ResSuccess || !strings.Contains(string(r.Body), "three") {
		t.Errorf("pull at 2: code %d %s", r.Code, r.Remark)
	}
	r := p.call(protocol.ReqQueryConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0")
	if got := r.Fields.String("offset"); got != "2" {
		t.Errorf("the group's offset is %q: code %d %s", got, r.Code, r.Remark)
	}
	r = p.call(protocol.ReqGetKVConfig, "", "namespace", "N", "key", "K")
	if got := r.Fields.String("value"); got != "V" {
		t.Errorf("KV value %q", got)
	}
	if got := p.mustSend("T", "four").Fields.String("queueOffset"); got != "3" {
		t.Errorf("the next message gets queue offset %s", got)
	}
}

func TestBackupNeedsAStore(t *testing.T) {
	s := start(t, "roles", "namesrv")
	var f v1.Failure
	if code := s.get(t, "/api/v1/backup", &f); code != http.StatusServiceUnavailable || f.Error != errNoBroker.Error() {
		t.Errorf("backup of a node without a store: %d %+v", code, f)
	}
}
