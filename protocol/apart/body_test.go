package apart_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

func TestBodiesAreBounded(t *testing.T) {
	var got struct {
		A string `json:"a"`
	}
	body := func(n int) *protocol.Frame {
		return &protocol.Frame{Body: []byte(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)}
	}
	if err := apart.Body(body(apart.MaxBody), &got); err != nil || len(got.A) < apart.MaxBody-10 {
		t.Errorf("a body as large as may be: %d bytes of it, %v", len(got.A), err)
	}
	if err := apart.Body(body(apart.MaxBody+1), &got); err == nil || !strings.Contains(err.Error(), fmt.Sprint(apart.MaxBody+1)) {
		t.Errorf("a larger one: %v", err)
	}
}

// TestListsAreLonger than what is about one thing.
func TestListsAreLonger(t *testing.T) {
	var got []string
	body := func(n int) *protocol.Frame {
		return &protocol.Frame{Body: []byte("[" + strings.Repeat(" ", n-2) + "]")}
	}
	if err := apart.ListBody(body(apart.MaxListBody), &got); err != nil {
		t.Error(err)
	}
	if err := apart.ListBody(body(apart.MaxListBody+1), &got); err == nil || !strings.Contains(err.Error(), fmt.Sprint(apart.MaxListBody+1)) {
		t.Errorf("a longer one: %v", err)
	}
}
