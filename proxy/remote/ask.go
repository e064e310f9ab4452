package remote

import (
	"context"
	"slices"
	"time"

	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	// askTimeout bounds one question of our own to a broker.
	askTimeout = 3 * time.Second
	// askOther is how long a broker may take when there are others that can answer: clients wait for three seconds in all.
	askOther = time.Second
	// avoidFor is for how long a broker that did not answer comes last.
	avoidFor = 10 * time.Second
)

// ask sends a question of our own to the first of the brokers that answers, over connections that all clients share, and says who it was.
func (b *Backend) ask(ctx context.Context, brokers []string, f *protocol.Frame) (answer *protocol.Frame, broker string, err error) {
	for i, name := range b.lively(brokers) {
		wait := askTimeout
		if i < len(brokers)-1 {
			wait = askOther
		}
		if answer, err = b.askOne(ctx, name, f, wait); err == nil {
			return answer, name, nil
		}
		if ctx.Err() != nil {
			break
		}
		b.avoid(name)
	}
	return nil, "", err
}

func (b *Backend) askOne(ctx context.Context, broker string, f *protocol.Frame, wait time.Duration) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_, addr, err := b.find(ctx, broker)
	if err != nil {
		return nil, err
	}
	return b.cluster.Invoke(ctx, addr, f)
}

// avoid says that a broker has not answered.
func (b *Backend) avoid(broker string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent == nil || len(b.silent) >= mostKept {
		b.silent = map[string]time.Time{}
	}
	b.silent[broker] = time.Now()
}

// lively are the brokers with those last that have not answered of late.
func (b *Backend) lively(brokers []string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(brokers)
	rank := func(name string) int {
		if at, ok := b.silent[name]; ok && time.Since(at) < avoidFor {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(x, y string) int { return rank(x) - rank(y) })
	return out
}

// Lively are the names of all brokers that have a master, with those last that have not answered of late.
func (b *Backend) Lively(ctx context.Context) ([]string, error) {
	all, err := b.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	return b.lively(all), nil
}
