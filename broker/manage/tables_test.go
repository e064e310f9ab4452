package manage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/broker/manage"
	"github.com/aerobee-mq/aerobee/protocol"
)

// forbidding is a store that knows pairs of groups and topics alone.
type forbidding struct {
	manage.Store
	pairs map[string]map[string]int32
}

func (s *forbidding) Forbidden(group, topic string) int32 { return s.pairs[group][topic] }

func (s *forbidding) AllForbidden() map[string]map[string]int32 { return s.pairs }

func (s *forbidding) SetForbidden(_ context.Context, group, topic string, bits int32) error {
	if s.pairs[group] == nil {
		s.pairs[group] = map[string]int32{}
	}
	s.pairs[group][topic] = bits
	if bits == 0 {
		delete(s.pairs[group], topic)
	}
	return nil
}

func TestForbiddenPairsAreBounded(t *testing.T) {
	store := &forbidding{pairs: map[string]map[string]int32{}}
	turn := func(context.Context) (func(), error) { return func() {}, nil }
	s := manage.New(store, nil, manage.Options{Turn: turn, Logger: slog.New(slog.DiscardHandler)})
	set := func(group, topic, readable string) error {
		f := &protocol.Frame{}
		f.Fields.Add("group", group)
		f.Fields.Add("topic", topic)
		f.Fields.Add("readable", readable)
		_, err := s.Forbidden(t.Context(), f, "")
		return err
	}
	for i := range 10_000 {
		if err := store.SetForbidden(t.Context(), fmt.Sprint("g", i%100), fmt.Sprint("t", i), 1<<2); err != nil {
			t.Fatal(err)
		}
	}
	if err := set("g", "one more", "false"); err == nil || !strings.Contains(err.Error(), "10000 pairs") {
		t.Errorf("one more than there may be: %v", err)
	}
	if err := set("g7", "t7", "false"); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := errors.Join(set("g7", "t7", "true"), set("g", "one more", "false")); err != nil {
		t.Errorf("one in the place of another: %v", err)
	}
}
