package protocol

import (
	"strings"
	"testing"
)

// What a registration becomes in memory is bounded by what its text may be, in either form.
func TestRegistrationsAreBounded(t *testing.T) {
	const limit = 1 << 20
	table := func(n int) []byte {
		return []byte(`{"topicConfigSerializeWrapper":{"topicConfigTable":{"a":{}` + strings.Repeat(`,"b":{}`, n) + `}}}`)
	}
	if _, err := UnmarshalRegisterBrokerWithin(table(limit/8/2-10), false, Version5_5_0, limit); err != nil {
		t.Errorf("as many values as there may be: %v", err)
	}
	if _, err := UnmarshalRegisterBrokerWithin(table(limit/8/2+10), false, Version5_5_0, limit); err == nil || !strings.Contains(err.Error(), "more than the limit of 131072") {
		t.Errorf("more values: %v", err)
	}
	for size, want := range map[int]int{100: 1, maxAttributes + 1: 0} {
		c, err := parseTopicConfig(`t 1 1 6 SINGLE_TAG {"a":"` + strings.Repeat("x", size-len(`{"a":""}`)) + `"}`)
		if err != nil || len(c.Attributes) != want {
			t.Errorf("attributes of %d bytes: %d of them, %v; want %d", size, len(c.Attributes), err, want)
		}
	}
}
