package topic

import (
	"encoding/json"
	"testing"
)

// FuzzParseAttributes: a change is refused, or applying it is refused or gives attributes that hold.
func FuzzParseAttributes(f *testing.F) {
	f.Add("+message.type=FIFO,-cleanup.policy")
	f.Add("+queue.type=BatchCQ=x,,")
	f.Add("message.type")
	f.Fuzz(func(t *testing.T, text string) {
		changes, err := ParseAttributes(text)
		if err != nil {
			return
		}
		for name := range changes {
			if name == "" || name[0] != '+' && name[0] != '-' && len(name) < 2 {
				t.Errorf("%q names %q", text, name)
			}
		}
	})
}

// FuzzJSON: a configuration that is read is read again from what it is written as.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"attributes":{"+message.type":"NORMAL"},"order":false,"perm":6,"readQueueNums":8,"topicFilterType":"SINGLE_TAG","topicName":"t","topicSysFlag":0,"writeQueueNums":8}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"topicFilterType":"MULTI_TAG","perm":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again Config
		if json.Unmarshal(b, &c) != nil {
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			return // a filter type of no name
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Errorf("%s is written as %s: %v", b, text, err)
		}
	})
}
