package ask

import (
	"fmt"
	"sync"
)

// Room counts the requests that wait for clients' answers: each takes a task of the broker meanwhile, and clients that do not answer
// must not take them all. One client may have half of the room. C names a client's connection. It is safe to use at once.
type Room[C comparable] struct {
	limit int

	mu      sync.Mutex // guards what follows
	all     int
	waiting map[C]int
}

// NewRoom returns a room for so many requests to all clients.
func NewRoom[C comparable](limit int) *Room[C] {
	return &Room[C]{limit: limit, waiting: map[C]int{}}
}

// Enter takes a place for a request to a client, to be given back with Leave. The error says which limit is reached.
func (r *Room[C]) Enter(to C) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.waiting[to] >= (r.limit+1)/2:
		return fmt.Errorf("%d requests wait for this client's answers already, which is the limit for one", r.waiting[to])
	case r.all >= r.limit:
		return fmt.Errorf("%d requests wait for clients' answers already, which is the limit", r.all)
	}
	r.waiting[to]++
	r.all++
	return nil
}

// Leave gives a place back.
func (r *Room[C]) Leave(to C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all--
	if r.waiting[to]--; r.waiting[to] == 0 {
		delete(r.waiting, to)
	}
}
