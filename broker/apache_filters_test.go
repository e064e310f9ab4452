package broker

import (
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheWithFilters compares what is answered where SQL92 is switched on, see apache_test.go.
func TestAsApacheWithFilters(t *testing.T) {
	compareWithApache(t, "testdata/apache_filters.txt", (*replay).filters, func(*Options, *store.Options) {})
}

func (r *replay) filters() {
	r.do("17", 17, makeFields("Tsql", 1, 6), "")
	r.do("200", 200, nil, groupBody("G", nil))
	r.do("200 sql", 200, nil, groupBody("Gsql", nil))
	for i, properties := range []string{"TAGS=a n=1", "TAGS=b n=2", "n=3.0", "n=x", "TAGS=a"} {
		r.do(fmt.Sprint("310 ", i), 310, sendFields("Tsql", 0, properties), fmt.Sprint("s", i))
	}
	r.filled("Tsql", "0", "5")
	check := func(name, kind, expression string, class bool) {
		r.do("46 "+name, 46, nil, fmt.Sprintf(`{"clientId":"c1","group":"G","subscriptionData":{"topic":"Tsql","subString":%s,"expressionType":%q,"subVersion":1,"tagsSet":[],"codeSet":[],"classFilterMode":%v}}`,
			expression, kind, class))
	}
	check("good", "SQL92", `"n > 1"`, false)
	check("bad", "SQL92", `"n > > 1"`, false)
	check("empty", "SQL92", `""`, false)
	check("null", "SQL92", `null`, false)
	check("odd", "odd", `"n > 1"`, false)
	check("class", "TAG", `"com.example.Filter"`, true)
	check("rest", "SQL92", `"n > 1 and that is all"`, false)
	check("between", "SQL92", `"n between 2 and 1"`, false)

	p := func(more fields) fields { return pullFields("G", "Tsql", 0, 0).with(more) }
	r.do("11 found", 11, p(sql("n > 1")), "")
	r.do("11 one", 11, p(sql("n IS NOT NULL").with(fields{"maxMsgNums": "1"})), "")
	r.do("11 none", 11, p(sql("n = 77")), "")
	r.do("11 end", 11, p(sql("n > 1").with(fields{"queueOffset": "5"})), "")
	r.do("11 rest", 11, p(sql("n > 1 n = 2")), "")
	r.do("11 tags", 11, p(sql("TAGS = 'a'")), "")
	r.do("11 bad", 11, p(sql("n > > 1")), "")
	r.do("11 empty", 11, p(sql("")), "")
	r.do("11 odd", 11, p(fields{"expressionType": "odd", "subscription": "n > 1"}), "")
	r.announcedFilters()
	r.heldFilters()
}

// announcedFilters reads with expressions that heartbeats bring, newer and older ones.
func (r *replay) announcedFilters() {
	beat := func(version int, kind, expression string, class bool) {
		r.on("c", fmt.Sprint("34 version ", version, " ", kind, " ", expression, " ", class), 34, nil, fmt.Sprintf(
			`{"clientID":"c","producerDataSet":[],"consumerDataSet":[{"groupName":"Gsql","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","unitMode":false,`+
				`"subscriptionDataSet":[{"topic":"Tsql","subString":%q,"subVersion":%d,"expressionType":%q,"classFilterMode":%v,"tagsSet":[],"codeSet":[]}]}],"heartbeatFingerprint":0,"withoutSub":false}`,
			expression, version, kind, class))
	}
	pull := func(name string, version int) {
		r.do("11 announced "+name, 11, pullFields("Gsql", "Tsql", 0, 0).with(fields{"sysFlag": "0", "subVersion": fmt.Sprint(version)}).without("subscription"), "")
	}
	beat(10, "SQL92", "n = 1", false)
	pull("first", 10)
	pull("too new", 11)
	beat(9, "SQL92", "n = 2", false)
	pull("not the older", 9)
	beat(12, "SQL92", "n = 2", false)
	pull("newer", 12)
	beat(13, "SQL92", "n = = 2", false)
	pull("bad", 13)
	beat(14, "SQL92", "n = 2", false)
	pull("mended", 14)
	beat(15, "SQL92", "", false)
	pull("empty", 15)
	beat(16, "TAG", "*", false)
	pull("tag", 16)
	beat(17, "SQL92", "n = 'x'", false)
	pull("SQL again", 17)
	beat(18, "odd", "n = 1", false)
	pull("odd", 18)
	beat(19, "TAG", "com.example.Filter", true)
	pull("class", 19)
}

// heldFilters has pulls wait for what they want.
func (r *replay) heldFilters() {
	hold := func(conn string, more fields) int32 {
		return r.conn(conn).write(&protocol.Frame{Code: 11, Fields: wire(pullFields("G", "Tsql", 0, 5).with(fields{"sysFlag": "6", "suspendTimeoutMillis": "10000"}).with(more))})
	}
	one, short := hold("h1", sql("n = 7")), hold("h2", sql("n = 8").with(fields{"suspendTimeoutMillis": "3000"}))
	for _, conn := range []string{"h1", "h2", "h1", "h2"} {
		r.call(conn, 31, fields{"topic": "Tsql", "queueId": "0"}, "") // by then the pulls are on hold
	}
	r.do("310 unwanted", 310, sendFields("Tsql", 0, "n=6"), "w6")
	r.do("310 wanted", 310, sendFields("Tsql", 0, "n=7"), "w7")
	r.note("11 woken", r.conn("h1").answer(one))
	r.note("11 time is up", r.conn("h2").answer(short))
}
