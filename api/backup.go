package api

import (
	"context"
	"io"
	"net/http"
	"time"
)

// backup streams a copy of the running store as package store/backup receives it. Whoever has it has every message, so it
// goes to administrators only. What fails on the way cuts the stream off, and the receiver sees that.
func backup(c *call) error {
	if c.o.Backup == nil {
		return errNotServed
	}
	out := &firstByte{ResponseWriter: c.w, deadlines: http.NewResponseController(c.w)}
	defer func() { _ = out.deadlines.SetWriteDeadline(time.Time{}) }() // the connection may bring other requests
	err := c.o.Backup(c.r.Context(), out)
	if err != nil && out.written {
		panic(http.ErrAbortHandler) // the status has gone out: only a broken stream says it
	}
	return err
}

// restTime is how long a receiver may rest, longer than others may, as where it changes tapes: it is an administrator. Meanwhile the copy's files stay on the disk.
const restTime = 10 * time.Minute

// Copy writes a consistent copy of the store to w, see store.Backup.
type Copy func(ctx context.Context, w io.Writer) error

// firstByte notes whether an answer has begun.
type firstByte struct {
	http.ResponseWriter
	deadlines *http.ResponseController
	written   bool
}

// Write begins the answer.
func (f *firstByte) Write(b []byte) (int, error) {
	if !f.written {
		f.written = true
		f.Header().Set("Content-Type", "application/x-tar")
	}
	_ = f.deadlines.SetWriteDeadline(time.Now().Add(restTime)) // what has no deadlines is no connection
	return f.ResponseWriter.Write(b)
}
