package property

import (
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/message"
)

// props writes "k=v k=v" as property text.
func props(text string) []byte {
	text = strings.ReplaceAll(text, "=", "\x01")
	text = strings.ReplaceAll(text, " ", "\x02")
	return []byte(text)
}

func readable(b []byte) string {
	s := strings.ReplaceAll(string(b), "\x01", "=")
	return strings.ReplaceAll(s, "\x02", " ")
}

func TestScanStores(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var p Found
		if got := readable(p.Scan(nil, props(in))); got != want {
			t.Errorf("%q: stored %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("a=1", "a=1 ")
	f("a=1 b=2 ", "a=1 b=2 ")
	f("WAIT=true TAGS=x", "TAGS=x ")
	f("POP_CK=0 1 2 a=1", "a=1 ")
	f("__RMQ.TRANSIENT.TOPIC_SYS_FLAG=3 a=1", "a=1 ")
	f("__RMQ.TRANSIENT.=3 __RMQ.TRANSIENT=4", "__RMQ.TRANSIENT=4 ")
	f("CLUSTER=forged MSG_REGION=x TRACE_ON=y a=1", "a=1 ")
	f("__CRC32#=0000000000 a=1", "a=1 ")
	f("UNIQ_KEY= a=1", "a=1 ")
	f("=novalue nopair a=", "a= ")
}

func TestScanNotes(t *testing.T) {
	var p Found
	out := p.Scan([]byte("before\x02"), props("TAGS=t UNIQ_KEY=0A1B KEYS=k DELAY=3"))
	if got := string(p.UniqueKey(out)); got != "0A1B" {
		t.Errorf("UNIQ_KEY %q", got)
	}
	if p.Delay != 3 || p.BadDelay || !p.HasKeys {
		t.Errorf("noted %+v", p)
	}
	p.Scan(nil, props("DELAY=soon"))
	if !p.BadDelay {
		t.Error("a delay that is no number passes")
	}
	p.Scan(nil, props("a=1"))
	if p != (Found{Level: -1}) {
		t.Errorf("left over from the message before: %+v", p)
	}
}

func TestScanFindsHalvesAndLights(t *testing.T) {
	const no, lights, lite = "", "lights", "lights lite"
	f := func(in string, reconsumed int32, want string, half ...bool) {
		t.Helper()
		var p Found
		p.Scan(nil, props(in))
		if got := p.Half(reconsumed); got != (len(half) > 0) {
			t.Errorf("%q: half message %v", in, got)
		}
		if p.Lights != (want != no) || p.Lite != (want == lite) {
			t.Errorf("%q: %+v, want %q", in, p, want)
		}
	}
	f("a=1 DELAY=3", 0, "")
	f("TRAN_MSG=true", 0, "", true)
	f("TRAN_MSG=TRUE", 0, "", true)
	f("TRAN_MSG=false", 0, "")
	f("TRAN_MSG=true DELAY=4", 1, "")
	f("TRAN_MSG=true DELAY=4", 0, "", true)
	f("TIMER_DELIVER_MS=1700000000000 DELAY=3", 0, "")
	f("TIMER_DELIVER_MS=1700000000000 TIMER_OUT_MS=1700000000000", 1, "")
	f("INNER_MULTI_DISPATCH=%LMQ%a", 0, lights)
	f("INNER_MULTI_DISPATCH=", 0, "")
	f("__LITE_TOPIC=x", 0, lite)
	f("INNER_MULTI_QUEUE_OFFSET=4", 0, no)
}

func TestScanAllocatesNothing(t *testing.T) {
	in := props("KEYS=k UNIQ_KEY=7F00000100002A139A5516DCA8E40000 WAIT=true TAGS=TagA DELAY=2")
	dst := make([]byte, 0, 256)
	var p Found
	if n := testing.AllocsPerRun(100, func() { dst = p.Scan(dst[:0], in) }); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(props("a=1 UNIQ_KEY=x WAIT=true"))
	f.Add([]byte("\x01\x02\x01"))
	f.Add(props("DELAY=99999999999 INNER_MULTI_DISPATCH=a,b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var p Found
		out := p.Scan(nil, in)
		if p.uniqTo > len(out) || p.uniqFrom > p.uniqTo {
			t.Fatalf("UNIQ_KEY at %d..%d of %d", p.uniqFrom, p.uniqTo, len(out))
		}
		stored := message.Properties(out)
		for _, name := range []string{message.PropWait, message.PropPopCheckpoint, message.PropCRC} {
			if _, ok := stored.Get(name); ok {
				t.Fatalf("%s is stored", name)
			}
		}
		var again Found
		if twice := again.Scan(nil, out); string(twice) != string(out) {
			t.Fatalf("the second pass changes %q to %q", out, twice)
		}
	})
}
