package filter

import (
	"strings"
	"sync"
)

// cacheText bounds the expressions that a [Cache] keeps, in bytes of their text; compiled, one takes at most some 20 times that.
const cacheText = 512 << 10

// Cache keeps compiled expressions, so that clients that send theirs with every pull or heartbeat cost nothing. It
// remembers refusals too. The oldest expressions give way to a new one.
type Cache struct {
	size int

	mu      sync.Mutex // guards what follows
	entries map[cacheKey]cached
	order   []cacheKey // the oldest first
	text    int        // bytes of all expressions
}

type cacheKey struct{ kind, expression string }

type cached struct {
	filter *Filter
	err    error
}

// NewCache returns a cache of at most so many expressions, 1 or more.
func NewCache(size int) *Cache {
	return &Cache{size: size, entries: map[cacheKey]cached{}}
}

// Compile is [Compile], once for each expression.
func (c *Cache) Compile(kind, expression string) (*Filter, error) {
	if len(expression) > MaxLength {
		return Compile(kind, expression) // refuses it
	}
	c.mu.Lock()
	have, ok := c.entries[cacheKey{kind, expression}]
	c.mu.Unlock()
	if ok {
		return have.filter, have.err
	}
	key := cacheKey{strings.Clone(kind), strings.Clone(expression)} // they may lie in a whole frame
	f, err := Compile(key.kind, key.expression)
	if len(kind)+len(expression) > cacheText/8 {
		return f, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; !ok {
		c.entries[key] = cached{f, err}
		c.order = append(c.order, key)
		c.text += key.length()
		c.shrink()
	}
	return f, err
}

func (k cacheKey) length() int { return len(k.kind) + len(k.expression) }

// shrink drops the oldest expressions while there are too many.
func (c *Cache) shrink() {
	for len(c.order) > c.size || c.text > cacheText {
		oldest := c.order[0]
		c.order = append(c.order[:0], c.order[1:]...)
		c.text -= oldest.length()
		delete(c.entries, oldest)
	}
}
