package broker

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheWithTimers compares what is answered to timer messages and their recall, see apache_test.go. Record it from a
// broker with recallMessageEnable=true. Ours runs with RocketMQ's precision and horizon here.
func TestAsApacheWithTimers(t *testing.T) {
	compareWithApache(t, "testdata/apache_timers.txt", (*replay).timers, func(o *Options, so *store.Options) {
		so.TimerPrecision, o.MaxTimerDelay = time.Second, 72*time.Hour
	})
}

// TestAsApacheWithoutTimers is the same for a broker with timerWheelEnable=false and without recallMessageEnable.
func TestAsApacheWithoutTimers(t *testing.T) {
	compareWithApache(t, "testdata/apache_no_timers.txt", (*replay).noTimers, func(o *Options, _ *store.Options) {
		o.DenyTimers, o.DenyRecall = true, true
	})
}

func (r *replay) noTimers() {
	r.do("17", 17, makeFields("Ttimer", 1, 6), "")
	r.do("310 sec", 310, sendFields("Ttimer", 0, "TIMER_DELAY_SEC=1 UNIQ_KEY=7F00000100002A139A5516DCA8E40001"), "x")
	r.do("310 past", 310, sendFields("Ttimer", 0, "TIMER_DELIVER_MS=1 UNIQ_KEY=7F00000100002A139A5516DCA8E40002"), "x")
	r.do("310 text", 310, sendFields("Ttimer", 0, "TIMER_DELIVER_MS=soon UNIQ_KEY=7F00000100002A139A5516DCA8E40003"), "x")
	r.do("310 level", 310, sendFields("Ttimer", 0, "TIMER_DELIVER_MS=soon DELAY=1 UNIQ_KEY=7F00000100002A139A5516DCA8E40004"), "x")
	r.recall("off", "Ttimer", handleOf("v1", "Ttimer", "broker-a", "1", "k"))
}

func handleOf(parts ...string) string {
	return base64.URLEncoding.EncodeToString([]byte(strings.Join(parts, " ")))
}

func (r *replay) recall(name, topic, handle string) {
	r.do("370 "+name, 370, fields{"producerGroup": "pg", "topic": topic, "recallHandle": handle}, "")
}

// sendTimed sends a timer message, for a time in at milliseconds or for that in its properties, and notes its handle beside the
// answer: its parts, and whether its time is the one asked for.
func (r *replay) sendTimed(name, topic, properties string, at int64, more fields) string {
	before := time.Now().UnixMilli()
	f := r.do("310 "+name, 310, sendFields(topic, 0, properties).with(more), name)
	handle := f.Fields.String("recallHandle")
	if handle == "" {
		r.keep("310 "+name+" handle", "none\n")
		return ""
	}
	text, err := base64.URLEncoding.DecodeString(handle)
	if err != nil {
		r.t.Fatalf("%s: handle %q: %v", name, handle, err)
	}
	parts := strings.Split(string(text), " ")
	out, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		r.t.Fatalf("%s: handle %q: %v", name, text, err)
	}
	want := before + at // rounded down, a whole slot below when it is even, and one more
	if text, ok := message.Properties(props(properties)).Get(message.PropTimerDeliverMS); ok && at == 0 {
		want, _ = strconv.ParseInt(string(text), 10, 64)
	}
	if !strings.Contains(properties, message.PropUniqueKey) {
		parts[4] = "new"
	}
	parts[3] = "right"
	if early := want - out; early < -5000 || early > 1000 {
		parts[3] = fmt.Sprintf("off by %d ms", early)
	}
	if (out-1)%1000 != 0 {
		parts[3] += ", uneven"
	}
	r.keep("310 "+name+" handle", strings.Join(parts, " ")+"\n")
	return handle
}

func uniq(n int) string { return fmt.Sprintf("UNIQ_KEY=7F00000100002A139A5516DCA8E5%04d", n) }

func (r *replay) timers() {
	for _, name := range []string{"Ttimer", "Tother", "Tlate"} {
		r.do("17 "+name, 17, makeFields(name, 1, 6), "")
	}
	r.do("200", 200, nil, groupBody("G", nil))
	now := time.Now().UnixMilli()
	ms := func(d time.Duration) string { return fmt.Sprint(now + d.Milliseconds()) }

	r.sendTimed("sec", "Ttimer", "TAGS=a KEYS=k TIMER_DELAY_SEC=2 "+uniq(1), 2000, nil)
	r.sendTimed("ms", "Ttimer", "TIMER_DELAY_MS=2500 "+uniq(2), 2500, nil)
	r.sendTimed("at", "Ttimer", "TIMER_DELIVER_MS="+ms(3*time.Second)+" "+uniq(3), 0, nil)
	r.sendTimed("all three", "Ttimer", "TIMER_DELIVER_MS="+ms(time.Hour)+" TIMER_DELAY_MS=4000 TIMER_DELAY_SEC=3 "+uniq(4), 3000, nil)
	r.sendTimed("past", "Ttimer", "TIMER_DELIVER_MS=1 "+uniq(5), 0, nil)
	r.sendTimed("zero", "Ttimer", "TIMER_DELAY_SEC=0 "+uniq(6), 0, nil)
	r.sendTimed("negative", "Ttimer", "TIMER_DELAY_MS=-5 "+uniq(7), 0, nil)
	r.sendTimed("text", "Ttimer", "TIMER_DELAY_SEC=soon "+uniq(8), 0, nil)
	r.sendTimed("float", "Ttimer", "TIMER_DELAY_SEC=1.5 "+uniq(9), 0, nil)
	r.sendTimed("empty", "Ttimer", "TIMER_DELAY_SEC= "+uniq(10), 0, nil)
	r.sendTimed("text behind", "Ttimer", "TIMER_DELAY_SEC=x TIMER_DELAY_MS=2000 "+uniq(11), 0, nil)
	r.sendTimed("too far", "Ttimer", "TIMER_DELAY_SEC=259300 "+uniq(12), 0, nil)
	r.sendTimed("too far at", "Ttimer", "TIMER_DELIVER_MS="+ms(73*time.Hour)+" "+uniq(13), 0, nil)
	r.sendTimed("with level", "Ttimer", "TIMER_DELAY_SEC=259300 DELAY=1 "+uniq(15), 0, nil)
	r.sendTimed("with level zero", "Ttimer", "TIMER_DELAY_SEC=4 DELAY=0 "+uniq(16), 4000, nil)
	r.sendTimed("out", "Ttimer", "TIMER_DELAY_SEC=4 TIMER_OUT_MS=1 "+uniq(17), 0, nil)
	r.sendTimed("without key", "Ttimer", "TIMER_DELAY_SEC=4", 4000, nil)
	r.sendTimed("retry topic", "%RETRY%G", "TIMER_DELAY_SEC=4 "+uniq(19), 4000, nil)
	r.sendTimed("priority", "Ttimer", "TIMER_DELAY_SEC=4 _SYS_MSG_PRIORITY_=3 "+uniq(21), 4000, nil)
	r.sendTimed("sharding", "Ttimer", "TIMER_DELAY_SEC=4 __SHARDINGKEY=s "+uniq(22), 4000, nil)
	r.sendTimed("real topic", "Ttimer", "TIMER_DELAY_SEC=4 REAL_TOPIC=Tother REAL_QID=7 "+uniq(23), 4000, nil)

	batch := func(props string) fields { return sendFields("Tother", 0, props).with(fields{"m": "true"}) }
	r.do("320 unit timed", 320, batch(""), batchUnitOf(1, "b2", "TIMER_DELAY_SEC=4"))
	r.recalls(ms)
	r.deliveries()
	r.sendTimed("huge", "Ttimer", "TIMER_DELAY_SEC=9223372036854775807 "+uniq(14), 0, nil)
	// RocketMQ takes these two into its wheel, which the first one stops for good.
	r.do("320 timed", 320, batch("TIMER_DELAY_SEC=4"), batchUnitOf(1, "b1", ""))
	r.sendTimed("prepared", "Ttimer", "TIMER_DELAY_SEC=4 TRAN_MSG=true PGROUP=pg "+uniq(20), 0, fields{"f": "4"})
}

func (r *replay) recalls(ms func(time.Duration) string) {
	handle := r.sendTimed("to recall", "Tlate", "TIMER_DELAY_SEC=3 "+uniq(30), 3000, nil)
	r.sendTimed("to recall by send", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" "+uniq(31), 0, nil)
	r.sendTimed("twice", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" "+uniq(32), 0, nil)
	r.sendTimed("twice again", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" "+uniq(32), 0, nil)
	r.sendTimed("kept", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" "+uniq(33), 0, nil)
	r.recall("good", "Tlate", handle)
	r.recall("good again", "Tlate", handle)
	r.recall("wrong topic", "Tother", handle)
	r.recall("no topic", "Tnone", handle)
	r.recall("empty", "Tlate", "")
	r.recall("no base64", "Tlate", "!!!")
	r.recall("no padding", "Tlate", strings.TrimRight(handle, "="))
	r.recall("version", "Tlate", handleOf("v2", "Tlate", "broker-a", ms(time.Minute), "k"))
	r.recall("short", "Tlate", handleOf("v1", "Tlate", "broker-a", ms(time.Minute)))
	r.recall("long", "Tlate", handleOf("v1", "Tlate", "broker-a", ms(time.Minute), "k", "more"))
	r.recall("broker", "Tlate", handleOf("v1", "Tlate", "broker-b", ms(time.Minute), "k"))
	r.recall("past", "Tlate", handleOf("v1", "Tlate", "broker-a", "1700000000000", "k"))
	r.recall("no time", "Tlate", handleOf("v1", "Tlate", "broker-a", "soon", "k"))
	r.recall("far", "Tlate", handleOf("v1", "Tlate", "broker-a", ms(74*time.Hour), "k"))
	r.recall("unknown", "Tlate", handleOf("v1", "Tlate", "broker-a", ms(time.Minute), "never"))
	r.do("370 no handle", 370, fields{"producerGroup": "pg", "topic": "Tlate"}, "")
	r.do("370 no group", 370, fields{"topic": "Tlate", "recallHandle": handle}, "")

	r.sendTimed("delete", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" TIMER_DEL_UNIQKEY="+strings.TrimPrefix(uniq(31), "UNIQ_KEY=")+" "+uniq(41), 0, nil)
	r.sendTimed("delete both", "Tlate", "TIMER_DELIVER_MS="+ms(6*time.Second)+" TIMER_DEL_UNIQKEY="+strings.TrimPrefix(uniq(32), "UNIQ_KEY=")+" "+uniq(42), 0, nil)
	r.sendTimed("delete at another time", "Tlate", "TIMER_DELIVER_MS="+ms(8*time.Second)+" TIMER_DEL_UNIQKEY="+strings.TrimPrefix(uniq(33), "UNIQ_KEY=")+" "+uniq(43), 0, nil)
	r.sendTimed("delete past", "Tlate", "TIMER_DELIVER_MS=1 TIMER_DEL_UNIQKEY=Tlate+x "+uniq(44), 0, nil)
	r.sendTimed("delete without time", "Tlate", "TIMER_DEL_UNIQKEY=Tlate+x "+uniq(45), 0, nil)
}

// deliveries notes what consumers get, message by message as they do not come in a fixed order.
func (r *replay) deliveries() {
	if r.want == nil { // RocketMQ's wheel may be late
		time.Sleep(12 * time.Second)
	} else {
		r.filled("Ttimer", "0", "15")
		r.filled("Tlate", "0", "2")
	}
	for _, topic := range []string{"Ttimer", "Tlate", "Tother"} {
		f := r.call("main", protocol.ReqPullMessage, pullFields("G", topic, 0, 0), "")
		for _, rec := range records(r.t, f.Body) {
			rec.QueueOffset = 0
			r.keep("got "+topic+" "+string(rec.Body), describe(&rec))
		}
	}
}
