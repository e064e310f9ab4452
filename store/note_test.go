package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
)

// TestNoteSaysWhatTheRecordSays: what is noted of a message before it is appended is what its record says when it is
// replayed.
func TestNoteSaysWhatTheRecordSays(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	noted := 0
	property.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{message.PropTags, message.PropKeys, message.PropUniqueKey, "TAG", "KEYSX", "a", ""})
		values := rapid.SampledFrom([]string{"", "a", "a b", " a  b", "a b c", "0A0B0C0D0000000000000000000000FF"})
		r := record("T", 1, "body")
		r.Properties = nil
		for range rapid.IntRange(0, 6).Draw(t, "pairs") {
			r.Properties = message.AppendProperty(r.Properties, names.Draw(t, "name"), values.Draw(t, "value"))
		}
		if n := len(r.Properties); n > 0 && rapid.Bool().Draw(t, "open end") {
			r.Properties = r.Properties[:n-1]
		}
		r.SysFlag = rapid.SampledFrom([]message.SysFlag{0, message.FlagTransactionRollback, message.FlagTransactionCommit}).Draw(t, "flag")
		s.note(r)
		parsed, err := message.ParseRecord(message.AppendRecord(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		tags, keys, _ := s.indexed(nil, &parsed)
		if !r.Note.Known {
			if len(keys) <= len(r.Note.Hashes) {
				t.Fatalf("nothing is noted of a message with %d keys", len(keys))
			}
			return
		}
		noted++
		if diff := cmp.Diff(append([]uint64{}, keys...), append([]uint64{}, r.Note.Hashes[:r.Note.Keys]...)); diff != "" || r.Note.TagsCode != message.TagsCode(tags) {
			t.Fatalf("tags code %d, noted %d; keys (-record +note):\n%s", message.TagsCode(tags), r.Note.TagsCode, diff)
		}
	})
	if noted == 0 {
		t.Error("nothing was noted")
	}
}

// TestNothingIsNoted of messages that change more than the index.
func TestNothingIsNoted(t *testing.T) {
	s := openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, s)
	for _, r := range []*message.Record{
		record(message.TopicSchedule, 1, "waits for its time"),
		{Topic: []byte("T"), Body: []byte("completes an entry"), PreparedOffset: 5},
		record(message.TopicState, 0, "tells of state"),
	} {
		r.Note = message.Note{Known: true, Keys: 1} // of an earlier use
		s.note(r)
		if r.Note != (message.Note{}) {
			t.Errorf("%s: %+v is noted", r.Body, r.Note)
		}
	}
}
