package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// backup streams a copy of the running store as package store/backup receives it. Whoever has it has every message, so it
// goes to the node's own machine only. What fails on the way cuts the stream off, and the receiver sees that.
func (o Options) backup(w http.ResponseWriter, r *http.Request) {
	if o.Backup == nil {
		reply(w, http.StatusServiceUnavailable, Failure{Error: errNotServed.Error()})
		return
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		reply(w, http.StatusForbidden, Failure{Error: "a copy of the store is given to this machine only, through 127.0.0.1 or ::1; the request came from " + host})
		return
	}
	if !local(r.Host) { // else a web page could have its own name lead here
		reply(w, http.StatusForbidden, Failure{Error: "a copy of the store is given under the names localhost, 127.0.0.1 and ::1 only; the request asked for " + r.Host})
		return
	}
	out := &firstByte{ResponseWriter: w}
	if err := o.Backup(r.Context(), out); err != nil {
		if !out.written {
			reply(w, http.StatusServiceUnavailable, Failure{Error: err.Error()})
			return
		}
		panic(http.ErrAbortHandler) // the status has gone out: only a broken stream says it
	}
}

// local reports whether a request's Host names this machine by a name that nobody else can give it.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Copy writes a consistent copy of the store to w, see store.Backup.
type Copy func(ctx context.Context, w io.Writer) error

// firstByte notes whether an answer has begun.
type firstByte struct {
	http.ResponseWriter
	written bool
}

// Write begins the answer.
func (f *firstByte) Write(b []byte) (int, error) {
	if !f.written {
		f.written = true
		f.Header().Set("Content-Type", "application/x-tar")
	}
	return f.ResponseWriter.Write(b)
}
