package filter

import "sync"

// Cache keeps compiled expressions, so that clients that send theirs with every pull or heartbeat cost nothing. It
// remembers refusals too. The oldest expression gives way to a new one.
type Cache struct {
	mu      sync.Mutex // guards what follows
	entries map[cacheKey]cached
	order   []cacheKey // a ring: the oldest stands at next once it is full
	next    int
}

type cacheKey struct{ kind, expression string }

type cached struct {
	filter *Filter
	err    error
}

// NewCache returns a cache of at most so many expressions, 1 or more.
func NewCache(size int) *Cache {
	return &Cache{entries: make(map[cacheKey]cached, size), order: make([]cacheKey, 0, size)}
}

// Compile is [Compile], once for each expression.
func (c *Cache) Compile(kind, expression string) (*Filter, error) {
	key := cacheKey{kind, expression}
	c.mu.Lock()
	have, ok := c.entries[key]
	c.mu.Unlock()
	if ok {
		return have.filter, have.err
	}
	f, err := Compile(kind, expression)
	if len(expression) > MaxLength {
		return f, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; !ok {
		c.keep(key)
		c.entries[key] = cached{f, err}
	}
	return f, err
}

func (c *Cache) keep(key cacheKey) {
	if len(c.order) < cap(c.order) {
		c.order = append(c.order, key)
		return
	}
	delete(c.entries, c.order[c.next])
	c.order[c.next] = key
	c.next = (c.next + 1) % len(c.order)
}
