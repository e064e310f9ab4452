package trace

import (
	"strings"
	"time"
)

// Handling is one call of a handler. Nil is one that is not traced.
type Handling struct {
	g        *Gatherer
	topic    string
	call     Begun   // what its messages have in common
	messages []Begun // those that are traced
}

// Begin notes that a handler begins with messages of one topic. call has what they have in common, ms their ids, keys and retries. It is nil for
// no messages.
func (g *Gatherer) Begin(call Begun, topic string, ms []Begun) *Handling {
	if len(ms) == 0 {
		return nil
	}
	h := &Handling{g: g, topic: topic, call: call, messages: ms}
	g.Add(topic, h.keys(), func(dst []byte) []byte {
		for i := range ms {
			m := &ms[i]
			m.At, m.Group, m.Request, m.Region = call.At, call.Group, call.Request, call.Region
			dst = m.Append(dst)
		}
		return dst
	})
	return h
}

// End notes how the handling ended.
func (h *Handling) End(code Code) {
	if h == nil {
		return
	}
	now := time.Now()
	cost := now.Sub(h.call.At) / time.Duration(len(h.messages))
	h.g.Add(h.topic, h.keys(), func(dst []byte) []byte {
		for i := range h.messages {
			m := &h.messages[i]
			e := Ended{Request: h.call.Request, ID: m.ID, Cost: cost, Success: code == Succeeded, Keys: m.Keys, Code: code, At: now, Group: h.call.Group}
			dst = e.Append(dst)
		}
		return dst
	})
}

func (h *Handling) keys() []string {
	keys := make([]string, 0, len(h.messages))
	for i := range h.messages {
		keys = append(keys, h.messages[i].ID)
		keys = append(keys, strings.Fields(h.messages[i].Keys)...)
	}
	return keys
}
