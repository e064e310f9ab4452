// Package traffic counts, by topic, the messages that began to wait for their time and those that were delivered at it. The store
// counts while it applies its log, in one goroutine at a time; who reads may be another.
package traffic

import "sync"

// limit bounds the topics that are told apart. The messages of others count under "".
const limit = 10_000

// Counts holds the numbers since the store was opened. The zero Counts is empty and ready.
type Counts struct {
	mu     sync.Mutex // guards topics
	topics map[string]*Count
}

// Count is one topic's.
type Count struct {
	Topic              string
	Waiting, Delivered int64 // those that began to wait, those that were delivered
	// Spans counts those that began to wait by how long after their birth they are due: at most as many seconds as Bounds says, longer in the
	// last; Sum is the sum of seconds.
	Spans [7]int64
	Sum   int64
}

// Bounds are those of [Count.Spans] in seconds, RocketMQ's.
func Bounds() []int64 { return []int64{60, 600, 3600, 12 * 3600, 24 * 3600, 3 * 24 * 3600} }

// Began counts a message that waits for its time from now on, which is so long after its birth.
func (c *Counts) Began(topic []byte, millis int64) {
	seconds, at := max(millis/1000, 0), 0
	for _, b := range Bounds() {
		if seconds > b {
			at++
		}
	}
	c.mu.Lock()
	n := c.of(topic)
	n.Waiting++
	n.Spans[at]++
	n.Sum += seconds
	c.mu.Unlock()
}

// Ended counts a message that was delivered.
func (c *Counts) Ended(topic []byte) {
	c.mu.Lock()
	c.of(topic).Delivered++
	c.mu.Unlock()
}

// Reset forgets everything.
func (c *Counts) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.topics = nil
}

func (c *Counts) of(topic []byte) *Count {
	if n := c.topics[string(topic)]; n != nil {
		return n
	}
	if len(c.topics) >= limit {
		topic = nil
	}
	name := string(topic)
	if c.topics == nil {
		c.topics = map[string]*Count{}
	}
	if c.topics[name] == nil {
		c.topics[name] = &Count{Topic: name}
	}
	return c.topics[name]
}

// Load returns all counts, in no particular order.
func (c *Counts) Load() []Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Count, 0, len(c.topics))
	for _, n := range c.topics {
		out = append(out, *n)
	}
	return out
}
