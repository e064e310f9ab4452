package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// TestHalfMessagesThatApacheHadMeanwhile: a store of Apache's with ended transactions is taken over, gets half messages of ours, goes
// back to Apache, which passes over one of them, ends another, and leaves the third alone: that one is open here again.
func TestHalfMessagesThatApacheHadMeanwhile(t *testing.T) {
	fs := vfs.NewMem()
	f := newForeign(t, fs, 0)
	half := func(text string) []string {
		return []string{message.PropRealTopic, "A", message.PropRealQueueID, "0", message.PropProducerGroup, "pg", message.PropUniqueKey, text}
	}
	f.put("A", 0, 0, "a0")
	f.put(message.TopicHalf, 0, 0, "ended", half("U0")...)
	f.put("A", 0, 1, "ended")
	f.put(message.TopicOpHalf, 0, 0, "0", message.PropTags, "d")
	f.segment()
	topics := strings.Replace(topicsAB, `"B":{`, `"`+message.TopicHalf+`":{"topicName":"`+message.TopicHalf+`","readQueueNums":1,"writeQueueNums":1,"perm":6},"B":{`, 1)
	f.file("config/topics.json", topics)
	s := openTest(t, testOptions(fs))
	wantPending(t, s)
	var at []message.LogOffset
	for i := range 4 {
		at = append(at, putHalf(t, s, record("A", 0, fmt.Sprint("ours", i), message.PropProducerGroup, "pg")).LogOffset)
	}
	if _, err := endHalf(s, at[0], true); err != nil {
		t.Fatal(err)
	}
	closeTest(t, s)
	text, err := directory.ReadText(fs, "store/config/consumerOffset.json")
	want := `"` + message.TopicHalf + `@CID_RMQ_SYS_TRANS":{"0":2}`
	if err != nil || !strings.Contains(strings.NewReplacer(" ", "", "\n", "", "\t", "", "{0:", `{"0":`).Replace(text), want) {
		t.Errorf("Apache is told %s, %v; want %s", text, err, want)
	}

	// Apache is past ours1 (queue offset 2) when it stops, and has ended ours3 (4).
	end := message.LogOffset(0)
	if err := directory.WalkFrom(fs, "store/commitlog", 0, func(r *message.Record) error {
		end = r.LogOffset + message.LogOffset(r.Size)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	back := newForeign(t, fs, int64(end))
	back.now += 1_000_000_000_000
	back.put(message.TopicOpHalf, 0, 1, "4", message.PropTags, "d")
	back.append(end)
	f.file("config/consumerOffset.json", `{"offsetTable":{"`+message.TopicHalf+`@CID_RMQ_SYS_TRANS":{0:3},"`+message.TopicOpHalf+`@CID_RMQ_SYS_TRANS":{0:1}}}`)
	for _, how := range []string{"taken over", "open", "without the cache"} {
		if how == "without the cache" {
			remove(t, fs, "store/cache")
		}
		s = openTest(t, testOptions(fs))
		if wantPending(t, s, at[2]); t.Failed() {
			t.Fatal(how)
		}
		closeTest(t, s)
	}
	s = openTest(t, testOptions(fs))
	defer closeTest(t, s)
	if _, err := endHalf(s, at[2], true); err != nil {
		t.Error(err)
	}
	if got := bodies(t, s, message.Queue{Topic: "A"}, 0); got != "a0 ended ours0 ours2" {
		t.Errorf("A holds %q", got)
	}
}
