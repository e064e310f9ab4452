package apache

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
)

func TestTablesComeBack(t *testing.T) {
	fs := vfs.NewMem()
	want := &Tables{
		Topics: &TopicTable{Version: Version(1, 2, 3), Topics: map[string]json.RawMessage{"T": json.RawMessage(`{"topicName":"T"}`)}},
		Groups: &GroupTable{Version: Version(4, 5, 6), Groups: map[string]json.RawMessage{"g": json.RawMessage(`{"groupName":"g"}`)},
			Forbidden: map[string]map[string]int32{"g": {"T": 4}}},
		Offsets: &OffsetTable{Version: Version(0, 0, 1), Offsets: map[string]map[message.QueueID]message.QueueOffset{OffsetKey("T", "g"): {0: 5, 3: 7}}},
		Delay:   &DelayTable{Version: Version(0, 0, 2), Offsets: map[int]message.QueueOffset{18: 9}},
		Timer:   TimerCheck{LastRead: 77, Next: 8},
	}
	if err := want.Write(fs, "s"); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTables(fs, "s", nil)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b json.RawMessage) bool {
		var x, y any
		return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
	})
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
}

func TestSplitOffsetKey(t *testing.T) {
	f := func(key, topic, group string, ok bool) {
		t.Helper()
		if a, b, c := SplitOffsetKey(key); c != ok || ok && (a != topic || b != group) {
			t.Errorf("%q: %q %q %v", key, a, b, c)
		}
	}
	f("T@g", "T", "g", true)
	f("%RETRY%g@g", "%RETRY%g", "g", true)
	f("T", "", "", false)
	f("@g", "", "", false)
	f("T@", "", "", false)
	f("a@b@c", "", "", false)
}

func entries(es ...QueueEntry) iter.Seq2[QueueEntry, error] {
	return func(yield func(QueueEntry, error) bool) {
		for _, e := range es {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestQueueFiles: the files that WriteQueue makes, entry by entry; "-" is a blank, "." nothing.
func TestQueueFiles(t *testing.T) {
	f := func(end QueueEnd, es []QueueEntry, want string) {
		t.Helper()
		fs := vfs.NewMem()
		end.Queue = message.Queue{Topic: "T", ID: 3}
		if err := WriteQueue(fs, "s", end, 4*entrySize, entries(es...)); err != nil {
			t.Fatal(err)
		}
		names, err := list(fs, "s/consumequeue/T/3")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range names {
			b, err := readFile(fs, "s/consumequeue/T/3/"+n)
			if err != nil {
				t.Fatal(err)
			}
			got += strings.TrimLeft(n, "0") + ":"
			for ; len(b) > 0; b = b[entrySize:] {
				switch size := binary.BigEndian.Uint32(b[8:]); size {
				case 0:
					got += " ."
				case blankSize:
					got += " -"
				default:
					got += fmt.Sprintf(" %d+%d", binary.BigEndian.Uint64(b), size)
				}
			}
			got += "; "
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		back, err := QueueEnds(fs, "s")
		if err != nil || len(back) != 1 || back[0].Next != end.Next || back[0].Queue != end.Queue {
			t.Errorf("it ends at %+v, %v, want %d", back, err, end.Next)
		}
	}
	e := func(off, at int) QueueEntry {
		return QueueEntry{QueueOffset: message.QueueOffset(off), LogOffset: message.LogOffset(at), Size: 9}
	}
	f(QueueEnd{Next: 2}, []QueueEntry{e(0, 100), e(1, 200)}, ": 100+9 200+9 . .; ")
	f(QueueEnd{Next: 8}, []QueueEntry{e(6, 100), e(7, 200)}, "80: - - 100+9 200+9; ")
	f(QueueEnd{Next: 10}, []QueueEntry{e(6, 100), e(7, 200), e(9, 300)}, "80: - - 100+9 200+9; 160: - 300+9 . .; ")
	f(QueueEnd{Next: 7}, nil, "80: - - 0+1 .; ")
}

// TestHalfMessages: what closes a half message.
func TestHalfMessages(t *testing.T) {
	f := func(progress int, want string, steps ...string) {
		t.Helper()
		s := NewSurvey(&Tables{Offsets: &OffsetTable{Offsets: map[string]map[message.QueueID]message.QueueOffset{
			OffsetKey(message.TopicHalf, TransGroup): {0: message.QueueOffset(progress)}}}})
		next := message.QueueOffset(0)
		for _, step := range steps {
			r := &message.Record{Topic: []byte(message.TopicHalf), QueueOffset: next}
			from, copied := strings.CutPrefix(step, "copy of ")
			closed, op := strings.CutPrefix(step, "op ")
			switch {
			case op:
				r = &message.Record{Topic: []byte(message.TopicOpHalf), Body: []byte(closed)}
			case copied:
				r.Properties = message.AppendProperty(nil, propPreparedQueue, from)
			}
			if !op {
				next++
			}
			s.Record(r)
		}
		open := ""
		for off := range next {
			if s.Open(0, off) {
				open += fmt.Sprint(off, " ")
			}
		}
		if strings.TrimSpace(open) != want {
			t.Errorf("%d %q: open are %q, want %q", progress, steps, open, want)
		}
	}
	f(0, "")
	f(0, "0", "half")
	f(0, "", "half", "op 0,")
	f(0, "", "half", "half", "op 0,1,")
	f(1, "", "half")
	f(1, "1", "half", "copy of 0")
	f(0, "1", "half", "copy of 0")
	f(1, "", "half", "copy of 0", "op 0")
	f(1, "", "half", "copy of 0", "op 1")
	f(0, "0", "half", "half", "op 1")
}

// FuzzTables: whatever lies in config/, reading it ends, with an error or not.
func FuzzTables(f *testing.F) {
	f.Add([]byte(`{"dataVersion":{"counter":3},"topicConfigTable":{"A":{"topicName":"A","readQueueNums":2}}}`))
	f.Add([]byte(`{"offsetTable":{"A@g":{0:1,1:2}}}`))
	f.Add([]byte(`{"forbiddenTable":{"g":{"t":4}},"subscriptionGroupTable":{"g":{"groupName":"g"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []any{&TopicTable{}, &GroupTable{}, &OffsetTable{}, &DelayTable{}} {
			_ = DecodeTable(b, into)
		}
	})
}

// FuzzSurvey: no record makes a survey fail, whatever its body and properties say.
func FuzzSurvey(f *testing.F) {
	f.Add(message.TopicOpHalf, []byte("0,1,,x"), []byte(nil))
	f.Add(message.TopicWheel, []byte(nil), []byte("TIMER_OUT_MS\x0117\x02REAL_TOPIC\x01rmq_sys_REVIVE_LOG_c\x02TAGS\x01ck\x02"))
	f.Add(revivePrefix+"c", []byte(`{"so":1,"pt":2,"n":3,"q":4,"t":"T","c":"g","bn":"b"}`), []byte("TAGS\x01ck\x02"))
	f.Add(revivePrefix+"c", []byte(`{"aol":[1,2],"so":1,"pt":2,"q":4,"t":"T","c":"g","bn":"b"}`), []byte("TAGS\x01bAck\x02"))
	f.Fuzz(func(t *testing.T, topic string, body, props []byte) {
		s := NewSurvey(&Tables{})
		for i := range 2 {
			s.Record(&message.Record{Topic: []byte(topic), Body: body, Properties: props, QueueOffset: message.QueueOffset(i)})
		}
		_ = s.Pending()
		for _, p := range s.CheckPoints() {
			if len(p.Offsets) == 0 {
				t.Error("a check-point of nothing")
			}
		}
		if len(s.Restarts()) > 0 {
			t.Error("a queue that goes on is taken for one that begins anew")
		}
	})
}

// FuzzQueueEnds: whatever a consume queue holds, its end is found or an error is.
func FuzzQueueEnds(f *testing.F) {
	f.Add("00000000000000000000", make([]byte, 40))
	f.Add("00000000000000000020", binary.BigEndian.AppendUint64(make([]byte, 20, 28), 1<<63))
	f.Fuzz(func(t *testing.T, file string, b []byte) {
		fs := vfs.NewMem()
		if strings.ContainsAny(file, "/\x00") || file == "" || file == "." || file == ".." {
			return
		}
		if err := fs.MkdirAll("s/consumequeue/T/0", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(fs, "s/consumequeue/T/0", file, b); err != nil {
			t.Fatal(err)
		}
		ends, err := QueueEnds(fs, "s")
		if err == nil && (len(ends) != 1 || ends[0].Next < 0) {
			t.Errorf("%+v", ends)
		}
	})
}
