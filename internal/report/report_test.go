package report

import (
	"bytes"
	"testing"
)

// TestOneThingIsSaidTwice prints the same as text and as JSON.
func TestOneThingIsSaidTwice(t *testing.T) {
	f := func(asJSON bool, want string) {
		t.Helper()
		var out bytes.Buffer
		r := New(&out, asJSON)
		rows := r.Table("brokers", "%-14s %s\n", "%-14s %d\n", "#Broker Name", "#QID")
		rows.Add("broker-a", 3)
		r.Say("for people\n")
		r.Set("unseen", true)
		r.Add("list", "x")
		r.Fact("total", 7, "Total: %d\n", 7)
		r.Quiet("none", "%s\n", "name")
		if err := r.Flush(); err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", &out, err, want)
		}
	}
	f(false, "#Broker Name   #QID\nbroker-a       3\nfor people\nTotal: 7\n")
	f(true, `{"brokers":[{"brokerName":"broker-a","qid":3}],"list":["x"],"none":[],"total":7,"unseen":true}`+"\n")
}

// TestEnd prints an empty object where nothing has been said, and else what has been.
func TestEnd(t *testing.T) {
	f := func(asJSON bool, say func(r *Report), want string) {
		t.Helper()
		var out bytes.Buffer
		r := New(&out, asJSON)
		say(r)
		if err := r.End(); err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", &out, err, want)
		}
	}
	f(true, func(*Report) {}, "{}\n")
	f(false, func(*Report) {}, "")
	f(true, func(r *Report) { r.Set("a", 1) }, "{\"a\":1}\n")
	f(true, func(r *Report) { r.Set("a", 1); _ = r.Flush() }, "{\"a\":1}\n")
}

func TestKeys(t *testing.T) {
	f := func(column, want string) {
		t.Helper()
		if got := key(column); got != want {
			t.Errorf("%q is %q, want %q", column, got, want)
		}
	}
	f("#Broker Name", "brokerName")
	f("#QID", "qid")
	f("#BID", "bid")
	f("#InTPS(LOAD)", "inTPS")
	f("#PCWait(ms)", "pcWait")
	f("#Last Updated", "lastUpdated")
	f("#InMsg24Hour", "inMsg24Hour")
	f("#SPACE", "space")
	f("#brokerName", "brokerName")
	f("#Client IP", "clientIP")
	f("consumerGroup", "consumerGroup")
}
