package listen

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// stallTime is how long a peer may take nothing of what it is sent over HTTP/1. So what it has asked for is not held for it for ever.
const stallTime = time.Minute

// stallPiece is how much is written at once where that counts.
const stallPiece = 64 << 10

// Write gives the peer c.stall for each piece, unless a handler has set a time for all of its answer.
func (c *httpConn) Write(b []byte) (n int, err error) {
	if c.stall == 0 || c.timed.Load() {
		return c.Conn.Write(b)
	}
	for {
		piece := b[n:min(len(b), n+stallPiece)]
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return n, err
		}
		k, err := c.Conn.Write(piece)
		if n += k; err != nil || n == len(b) {
			return n, err
		}
	}
}

// SetWriteDeadline sets a time for all that is written until it is set to none.
func (c *httpConn) SetWriteDeadline(t time.Time) error {
	c.timed.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

// bodiesInTime has the bodies of requests end within the limit after their headers, also those that no handler reads. The limit of
// package net/http, ReadTimeout, would end long answers as well.
func bodiesInTime(h http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			c := http.NewResponseController(w)
			if c.SetReadDeadline(time.Now().Add(limit)) == nil { // what has no deadlines is no connection
				r.Body = &timedBody{r.Body, c, limit}
			}
		}
		h.ServeHTTP(w, r)
	})
}

// timedBody is a body that has a time to end. What comes behind it, the next request, has its own.
type timedBody struct {
	io.ReadCloser
	c     *http.ResponseController
	limit time.Duration
}

// Read lifts the time limit at the end of the body.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.c.SetReadDeadline(time.Time{}) // the connection is gone if this fails
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("the request's body was not complete within %v of its header: %w", b.limit, err)
	}
	return n, err
}
