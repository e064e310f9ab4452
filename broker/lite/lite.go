// Package lite knows which client of which group reads which lite topics. The [Registry] is a pure machine: subscriptions in, lookups out; no clock, file, goroutine or
// lock. Package broker owns the one there is and guards it. [Info] serves the requests by which lite topics are administered; its handlers are safe to call at once.
//
// A client says its lite topics with SyncLiteSubscription, which RocketMQ's proxy passes on as LITE_SUBSCRIPTION_CTL (200071). They live as long as its
// connection. A lite topic is named by its light queue here, see message/light.
package lite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Client is a client of a group.
type Client struct{ ID, Group string }

// QuotaError refuses a subscription because there are too many.
type QuotaError struct{ Have, Limit int }

// Error names the numbers.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("lite subscription quota exceeded: there are %d, the limit is %d", e.Have, e.Limit)
}

// Lost is a subscription that another client of an exclusive group has taken over.
type Lost struct {
	Client Client
	Queue  string
}

// Registry is the table of subscriptions. The zero Registry has no room.
type Registry struct {
	limit   int
	active  int
	clients map[Client]map[string]struct{} // their queues
	readers map[string]map[Client]struct{} // by queue
}

// New makes a registry for at most limit subscriptions, each of one client to one lite topic.
func New(limit int) *Registry {
	return &Registry{limit: limit, clients: make(map[Client]map[string]struct{}), readers: make(map[string]map[Client]struct{})}
}

// Len counts the subscriptions.
func (r *Registry) Len() int { return r.active }

// Add lets a client read queues besides those that it reads. Of an exclusive group one client reads a queue: those that did before lose it, and are
// returned. Either all are added or, with a [*QuotaError], none.
func (r *Registry) Add(c Client, queues []string, exclusive bool) (lost []Lost, err error) {
	fresh := 0
	for _, q := range queues {
		if _, has := r.readers[q][c]; !has {
			fresh++
		}
	}
	if have := r.active; have+fresh > r.limit {
		return nil, &QuotaError{Have: have, Limit: r.limit}
	}
	for _, q := range queues {
		if exclusive {
			for other := range r.readers[q] {
				if other.Group == c.Group && other != c {
					lost = append(lost, Lost{other, q})
				}
			}
		}
		r.add(c, q)
	}
	for _, l := range lost {
		r.remove(l.Client, l.Queue)
	}
	return lost, nil
}

func (r *Registry) add(c Client, q string) {
	if _, has := r.readers[q][c]; has {
		return
	}
	if r.readers[q] == nil {
		r.readers[q] = make(map[Client]struct{})
	}
	if r.clients[c] == nil {
		r.clients[c] = make(map[string]struct{})
	}
	r.readers[q][c], r.clients[c][q] = struct{}{}, struct{}{}
	r.active++
}

// Remove ends subscriptions of a client and returns those queues that it read.
func (r *Registry) Remove(c Client, queues []string) (read []string) {
	for _, q := range queues {
		if _, has := r.readers[q][c]; has {
			read = append(read, q)
			r.remove(c, q)
		}
	}
	return read
}

// Room refuses more queues than a client may read: those that it is to read besides those that it reads, unless these are all. No queue is
// named twice.
func (r *Registry) Room(c Client, queues []string, all bool, most int) error {
	n := len(queues)
	if n > most {
		return &QuotaError{Have: n, Limit: most}
	}
	if have := r.clients[c]; !all {
		n += len(have)
		for _, q := range queues {
			if _, has := have[q]; has {
				n--
			}
		}
	}
	if n > most {
		return &QuotaError{Have: n, Limit: most}
	}
	return nil
}

func (r *Registry) remove(c Client, q string) {
	if _, has := r.readers[q][c]; !has {
		return
	}
	if delete(r.readers[q], c); len(r.readers[q]) == 0 {
		delete(r.readers, q)
	}
	if delete(r.clients[c], q); len(r.clients[c]) == 0 {
		delete(r.clients, c)
	}
	r.active--
}

// Set makes queues all that a client reads.
func (r *Registry) Set(c Client, queues []string, exclusive bool) (lost []Lost, err error) {
	wanted := make(map[string]struct{}, len(queues))
	for _, q := range queues {
		wanted[q] = struct{}{}
	}
	var gone []string
	for q := range r.clients[c] {
		if _, stays := wanted[q]; !stays {
			gone = append(gone, q)
		}
	}
	if lost, err = r.Add(c, queues, exclusive); err == nil {
		r.Remove(c, gone)
	}
	return lost, err
}

// Forget ends all subscriptions of the client with an id, in whatever group.
func (r *Registry) Forget(id string) {
	for c := range r.clients {
		if c.ID == id {
			r.Remove(c, r.Of(c))
		}
	}
}

// Of lists the queues that a client reads, sorted.
func (r *Registry) Of(c Client) []string { return slices.Sorted(maps.Keys(r.clients[c])) }

// Readers lists the clients that read a queue, sorted.
func (r *Registry) Readers(q string) []Client {
	return slices.SortedFunc(maps.Keys(r.readers[q]), compareClients)
}

// Clients lists the clients that read anything, sorted.
func (r *Registry) Clients() []Client {
	return slices.SortedFunc(maps.Keys(r.clients), compareClients)
}

func compareClients(a, b Client) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.ID, b.ID))
}
