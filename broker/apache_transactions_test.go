package broker

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheWithTransactions compares how transactions are ended (37), what producers are asked about them (39), and how those that were given up
// are resumed (323), see apache_test.go. Record it from a broker with
//
//	transactionCheckInterval=1000
//	transactionCheckMax=3
//	transactionOpBatchInterval=100
func TestAsApacheWithTransactions(t *testing.T) {
	var ahead atomic.Int64 // ns
	pass := func(by time.Duration) { ahead.Add(int64(by)) }
	compareWithApache(t, "testdata/apache_transactions.txt", func(r *replay) {
		if r.want == nil {
			pass = time.Sleep
		}
		(&trade{replay: r, pass: pass}).script()
	}, func(o *Options, so *store.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		so.Now = o.Now
		// Nobody is asked before the script lets time pass.
		o.TransactionTimeout, so.HalfImmunity, o.TransactionInterval = time.Hour, time.Hour, time.Hour
		o.TransactionChecks = 3
	})
}

// trade is a script about half messages; pass lets time go by.
type trade struct {
	*replay
	pass func(time.Duration)
}

func (r *trade) script() {
	for _, name := range []string{"Tplain", "Tends", "Tback", "Tasked", "Tlate", "Tgiven", "Timmune"} {
		r.do("17 "+name, 17, makeFields(name, 1, 6), "")
	}
	r.do("200", 200, nil, groupBody("G", nil))
	for _, group := range []string{"asker", "later", "given", "stranger"} {
		r.on(group, "34 "+group, 34, nil, fmt.Sprintf(producerBeat, group+"@1", group))
	}
	r.ends()
	r.rollbacks()
	r.questions()
	r.lateAnswer()
	r.immunity()
	r.givenUp()
}

// half sends a half message of the group and returns what its end names.
func (r *trade) half(name, group, topic, properties string) fields {
	r.t.Helper()
	f := r.do("310 "+name, 310, sendFields(topic, 0, "TRAN_MSG=true WAIT=true PGROUP="+group+" "+properties).
		with(fields{"a": group, "f": "4", "g": fmt.Sprint(time.Now().UnixMilli())}), name)
	return fields{"topic": topic, "producerGroup": group, "tranStateTableOffset": f.Fields.String("queueOffset"), "commitLogOffset": fmt.Sprint(r.place(f.Fields.String("msgId"))),
		"commitOrRollback": "8", "fromTransactionCheck": "false", "msgId": f.Fields.String("transactionId"), "transactionId": f.Fields.String("transactionId")}
}

// place is where in the log a message lies that has the id.
func (r *trade) place(id string) message.LogOffset {
	r.t.Helper()
	_, at, err := message.ParseID(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return at
}

// end notes the answer to an end, or that none comes.
func (r *trade) end(name string, fs fields) {
	r.t.Helper()
	limit := answerLimit
	if r.want == nil {
		limit = time.Second
	}
	c := r.conn("ends")
	opaque := c.write(&protocol.Frame{Code: 37, Fields: wire(fs)})
	f := c.next(limit, func(f *protocol.Frame) bool { return f.IsResponse() && f.Opaque == opaque })
	if f == nil {
		r.keep("37 "+name, "nothing\n")
		return
	}
	r.note("37 "+name, f)
}

// pull notes the only message of a topic.
func (r *trade) pull(name, topic string) {
	r.t.Helper()
	r.filled(topic, "0", "1")
	r.do("11 "+name, 11, pullFields("G", topic, 0, 0), "")
}

var (
	rollback = fields{"commitOrRollback": "12"}
	asked    = fields{"fromTransactionCheck": "true"}
)

func (r *trade) ends() {
	plain := r.place(r.do("310 plain", 310, sendFields("Tplain", 0, ""), "plain").Fields.String("msgId"))
	h := r.half("half", "pg", "Tends", "TAGS=a KEYS=k mine=x "+uniq(1))
	r.end("another group", h.with(fields{"producerGroup": "another"}))
	r.end("another queue offset", h.with(fields{"tranStateTableOffset": "7"}))
	r.end("behind the log", h.with(fields{"commitLogOffset": "99999999999"}))
	r.end("before the log", h.with(fields{"commitLogOffset": "-1"}))
	r.end("between records", h.with(fields{"commitLogOffset": fmt.Sprint(plain + 1)}))
	r.end("plain message", h.with(fields{"commitLogOffset": fmt.Sprint(plain)}))
	for _, name := range []string{"producerGroup", "tranStateTableOffset", "commitLogOffset", "commitOrRollback"} {
		r.end("without "+name, h.without(name))
	}
	r.end("no fields", nil)
	r.end("offset is text", h.with(fields{"commitLogOffset": "x"}))
	r.end("not known", h.with(fields{"commitOrRollback": "0"}))
	r.end("not known when asked", h.with(asked).with(fields{"commitOrRollback": "0"}))
	r.end("odd", h.with(fields{"commitOrRollback": "5"}))
	r.do("30 before the commit", 30, fields{"topic": "Tends", "queueId": "0"}, "")
	r.end("commit", h)
	r.pull("committed", "Tends")
	r.end("commit again", h)
	r.end("rollback of what is committed", h.with(rollback))
	r.do("30 after two commits", 30, fields{"topic": "Tends", "queueId": "0"}, "")
}

func (r *trade) rollbacks() {
	h := r.half("to roll back", "pg", "Tback", uniq(2))
	r.end("rollback of another group", h.with(rollback).with(fields{"producerGroup": "another"}))
	r.end("rollback", h.with(rollback))
	r.end("rollback again", h.with(rollback))
	r.do("30 after the rollback", 30, fields{"topic": "Tback", "queueId": "0"}, "")
	r.end("commit of what is rolled back", h)
	r.do("30 after its commit", 30, fields{"topic": "Tback", "queueId": "0"}, "")
}

// asks lets time pass until the group's producer is asked, notes with what, and returns what the answer names. Places in the log, and offsets in the queue
// of half messages, which RocketMQ stores anew for each question, are compared with those that the send was answered with.
func (r *trade) asks(name, group string, sent fields) fields {
	r.t.Helper()
	if r.want != nil {
		r.pass(2 * time.Hour)
	}
	f := r.conn(group).next(answerLimit, func(f *protocol.Frame) bool { return f.Code == protocol.ReqCheckTransactionState })
	if f == nil {
		r.t.Fatalf("%s: the producer is not asked within %v", name, answerLimit)
	}
	fs := fieldMap(f)
	rec := records(r.t, f.Body)[0]
	at, offset := fs["commitLogOffset"], fs["tranStateTableOffset"]
	r.keep("39 "+name, regexp.MustCompile(`(?m)^(field (?:commitLogOffset|tranStateTableOffset)=).*|^(record [^@]*@)\d+`).ReplaceAllString(observe(r.t, f), "${1}${2}any"))
	r.keep("39 "+name+", places", fmt.Sprintf("as sent: log %v, queue %v\nas in the record: log %v, queue %v\nas in the id: log %v\n", at == sent["commitLogOffset"],
		offset == sent["tranStateTableOffset"], at == fmt.Sprint(rec.LogOffset), offset == fmt.Sprint(rec.QueueOffset), at == fmt.Sprint(r.place(fs["offsetMsgId"]))))
	return sent.with(asked).with(fields{"commitLogOffset": at, "tranStateTableOffset": offset})
}

func (r *trade) questions() {
	h := r.half("to ask about", "asker", "Tasked", "TAGS=a KEYS=k mine=x "+uniq(3))
	r.asks("first", "asker", h)
	h = r.asks("second", "asker", h)
	r.end("another group when asked", h.with(fields{"producerGroup": "stranger"}))
	r.end("commit when asked", h)
	r.pull("committed when asked", "Tasked")
	r.told("39 strangers", "stranger")
}

// lateAnswer ends a half message, by what its send was answered with, after its producer was asked.
func (r *trade) lateAnswer() {
	h := r.half("to end late", "later", "Tlate", uniq(4))
	r.asks("before a late end", "later", h)
	r.end("late commit", h)
	r.pull("committed late", "Tlate")
}

// immunity has a half message that asks for a time in which nobody is asked about it; then it is its producer's no more to end it unasked.
func (r *trade) immunity() {
	h := r.half("immune", "nobody", "Timmune", "CHECK_IMMUNITY_TIME_IN_SECONDS=4 "+uniq(5))
	if r.want == nil {
		r.pass(6 * time.Second)
	} else {
		r.pass(2 * time.Hour)
	}
	r.end("after the immunity", h)
	r.end("rollback after the immunity", h.with(rollback))
	r.end("when asked after the immunity", h.with(asked))
	r.pull("committed after its immunity", "Timmune")
}

// givenUp has a producer that never answers, and resumes what is given up.
func (r *trade) givenUp() {
	h := r.half("to give up", "given", "Tgiven", "TAGS=a KEYS=k mine=x "+uniq(6))
	for i := range 3 {
		r.asks(fmt.Sprint("unanswered ", i+1), "given", h)
	}
	if r.want != nil {
		r.pass(2 * time.Hour)
	}
	id := r.given(strings.TrimPrefix(uniq(6), "UNIQ_KEY="))
	resume := func(name string, fs fields) { r.do("323 "+name, 323, fs, "") }
	resume("no fields", nil)
	resume("empty id", fields{"msgId": ""})
	resume("bad id", fields{"msgId": "x"})
	resume("behind the log", fields{"msgId": string(message.AppendID(nil, testHost, 99_999_999_999))})
	resume("good", fields{"msgId": id, "topic": message.TopicCheckMax})
	h = r.asks("resumed", "given", h)
	r.end("commit of what was resumed", h)
	r.pull("committed after all", "Tgiven")
	resume("without topic, and again", fields{"msgId": id})
	plain := r.do("310 to resume", 310, sendFields("Tplain", 0, ""), "plain")
	resume("plain message", fields{"msgId": plain.Fields.String("msgId")})
}

// given waits for the message that is given up, notes it, and returns its id. RocketMQ may give up others, which were ended after it had stored them
// anew for a question, so its offset is left out.
func (r *trade) given(uniqueKey string) (id string) {
	r.t.Helper()
	r.until(11, pullFields("G", message.TopicCheckMax, 0, 0), func(f *protocol.Frame) bool {
		if f.Code != protocol.ResSuccess {
			return false
		}
		for _, rec := range records(r.t, f.Body) {
			if rec.Properties.GetString(message.PropUniqueKey) == uniqueKey {
				id = string(message.AppendID(nil, rec.StoreHost, rec.LogOffset))
				rec.QueueOffset = 0
				r.keep("given up", describe(&rec))
				return true
			}
		}
		return false
	})
	return id
}
