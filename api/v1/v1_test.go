package v1

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1/operate"
	"github.com/aerobee-mq/aerobee/api/v1/rights"
)

func TestDecode(t *testing.T) {
	f := func(text string, into any, want string) {
		t.Helper()
		err := Decode([]byte(text), into)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	f(`{"readQueues":4,"permission":"rw"}`, &TopicChange{}, "")
	f(`{}`, &TopicChange{}, "")
	f(`{"readQueues":4.0,"writeQueues":1e1}`, &TopicChange{}, "")
	f(`{"readQueues":0}`, &TopicChange{}, "readQueues is 0, it must be 1 at least")
	f(`{"readQueues":4000}`, &TopicChange{}, "readQueues is 4000, it must be 1024 at most")
	f(`{"readQueues":null}`, &TopicChange{}, "readQueues is null, it must be a whole number")
	f(`{"readQueues":1.5}`, &TopicChange{}, "whole number of 32 bits")
	f(`{"readQueues":99999999999}`, &TopicChange{}, "whole number of 32 bits")
	f(`{"permission":"x"}`, &TopicChange{}, "must be one of r,w,rw")
	f(`{"readqueues":4}`, &TopicChange{}, `a member "readqueues", which it may not have`)
	f(`{"ordered":1}`, &TopicChange{}, "ordered is the number 1, it must be true or false")
	f(`{"ordered":true,"ordered":true}`, &TopicChange{}, `"ordered" stands in it twice`)
	f(`{} {}`, &TopicChange{}, "something follows")
	f(``, &TopicChange{}, "no JSON object")
	f(`[]`, &TopicChange{}, "the body is a list, it must be an object")
	f(`{"to":"latest"}`, &Reset{}, "the body lacks topic")
	f(`{"topic":"t","queue":{"broker":"b","queue":1,"offset":-1}}`, &Reset{}, "offset is -1, it must be 0 at least")
	f(`{"topic":"t","queue":{"broker":"b","queue":1}}`, &Reset{}, "queue lacks offset")
	f(`{"ids":null,"all":true}`, &Resend{}, "")
	f(`{"ids":[1]}`, &Resend{}, "ids[0] is the number 1, it must be a text")
	f(`{"who":"","reason":"r"}`, &Settlement{}, "who has 0 letters, it must have 1 at least")
	f(`{"entries":[]}`, &rights.ACLChange{}, "entries has 0 items, it must have 1 at least")
	f(`{"entries":[{"actions":["Pub","Fly"],"resource":"*"}]}`, &rights.ACLChange{}, `actions[1] is "Fly", it must be one of Pub,Sub`)
	f(`{"entries":[{"actions":["Pub"],"resource":"Orders"}]}`, &rights.ACLChange{}, `resource is "Orders", it must be as ^`)
	f(`{"entries":[{"actions":["Pub"],"resource":"Topic:Orders*","from":["10.0.0.0/8"]}]}`, &rights.ACLChange{}, "")
	f(`{"ids":[null]}`, &Resend{}, "ids[0] is null, it must be a text")
	f(`{"settings":{}}`, &operate.SettingsChange{}, "settings has 0 items")
	f(`{"settings":{"deleteWhen":4}}`, &operate.SettingsChange{}, "settings.deleteWhen is the number 4, it must be a text")
	f(`{"settings":["deleteWhen"]}`, &operate.SettingsChange{}, "settings is a list, it must be an object")
	f(`{"settings":{"deleteWhen":"04"}}`, &operate.SettingsChange{}, "")
	f(`{"body":"x","properties":{"`+strings.Repeat("n", 256)+`":"v"}}`, &operate.TestMessage{}, "properties has a name of 256 letters")
	f(`{"body":"x","properties":{"a":"`+strings.Repeat("v", 4097)+`"}}`, &operate.TestMessage{}, "properties.a has 4097 letters, at most 4096")
	f(`{"topic":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`}`, &Reset{}, "more than 8 deep")
}

func TestQuery(t *testing.T) {
	op := func(id string) *Operation {
		for _, o := range Operations() {
			if o.ID == id {
				return &o
			}
		}
		t.Fatalf("no operation %s", id)
		return nil
	}
	f := func(id, path, query, want string) Values {
		t.Helper()
		o := op(id)
		segments := strings.Split(strings.Trim(path, "/"), "/")
		for i := range segments {
			segments[i], _ = url.PathUnescape(segments[i])
		}
		v, ok := o.Match(o.Segments(), segments)
		if !ok {
			t.Fatalf("%s does not match %s", path, o.Path)
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		out, err := o.Query(v, q)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s?%s: %v, want %q", path, query, err, want)
		}
		return out
	}
	if v := f("topics", "/api/v1/topics", "", ""); v.Int("limit") != 50 || v.Has("after") {
		t.Errorf("%v", v)
	}
	if v := f("topic", "/api/v1/topics/%25RETRY%25g", "", ""); v.Text("topic") != "%RETRY%g" {
		t.Errorf("%v", v)
	}
	f("topic", "/api/v1/topics/a.b", "", `topic is "a.b", it must be as ^[`)
	f("topic", "/api/v1/topics/"+strings.Repeat("x", 256), "", "topic has 256 letters, at most 255")
	f("topics", "/api/v1/topics", "limit=0", "limit is \"0\", it must be a whole number, 1 to 1000")
	f("topics", "/api/v1/topics", "limit=+5", "whole number")
	f("topics", "/api/v1/topics", "limit=5&limit=6", "limit is given 2 times")
	f("topics", "/api/v1/topics", "limt=5", `there is no parameter "limt"; there are match, kind, limit, after`)
	f("topics", "/api/v1/topics", "kind=odd", "one of normal, retry, dead-letter, system")
	f("node", "/api/v1/node", "x=1", "none may be given")
	f("messages", "/api/v1/messages", "", "topic is missing")
	f("messages", "/api/v1/messages", "topic=t&from=yesterday", "it must be a time as")
	f("messages", "/api/v1/messages", "topic=t&from=2026-01-31T15:04:05%2B01:00", "")
	f("settle", "/api/v1/transactions/7/maybe", "", "one of commit, rollback")
	if v := f("user", "/api/v1/users/client.example.com", "", ""); v.Text("user") != "client.example.com" {
		t.Errorf("%v", v)
	}
	f("user", "/api/v1/users/..", "", `user is "..", it must be as`)
	f("explain", "/api/v1/acls/alice/explain", "action=Pub&resource=Topic:Or*", "resource is \"Topic:Or*\", it must be as")
	f("explain", "/api/v1/acls/alice/explain", "action=All&resource=Topic:Orders", "one of Pub, Sub")
	if v := f("deleteACL", "/api/v1/acls/alice", "resource=Topic:Or*", ""); v.Text("policy") != "" {
		t.Errorf("%v", v)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"topic":"t","queue":{"broker":"b","queue":1,"offset":5}}`))
	f.Add([]byte(`{"topic":"t","to":"latest","dryRun":true}`))
	f.Add([]byte(`{"topic":"\ud800","to":1e3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Reset
		if Decode(text, &r) == nil && (r.Topic == "" || len([]rune(r.Topic)) > 255 || r.Queue != nil && r.Queue.Offset < 0) {
			t.Errorf("%q was taken: %+v", text, r)
		}
	})
}
