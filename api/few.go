package api

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// maxHeavy bounds the requests under way that ask many brokers, or hold what many messages say.
	maxHeavy = 4
	// heavyTime is how long one has until its peer has read the answer: who does not read keeps others out.
	heavyTime = 2 * time.Minute
)

// few lets only so many requests through at once; the others are told to come again.
type few chan struct{}

func (f few) of(handle handler) handler {
	return func(c *call) error {
		select {
		case f <- struct{}{}:
			defer func() { <-f }()
			out := http.NewResponseController(c.w)
			_ = out.SetWriteDeadline(time.Now().Add(heavyTime))      // what has no deadlines is no connection
			defer func() { _ = out.SetWriteDeadline(time.Time{}) }() // the connection may bring other requests
			return handle(c)
		default:
			return &problem{"too-many", fmt.Sprintf("%d requests that are as much work are under way, as many as there may be: ask again", cap(f))}
		}
	}
}
