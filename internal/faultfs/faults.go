package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// maxScript bounds a script that comes over HTTP.
const maxScript = 64 << 10

// Faults is a disk and a clock that follow a script. The zero value fails nothing.
type Faults struct {
	ahead atomic.Int64 // of the clock, in nanoseconds
	busy  atomic.Bool  // there are rules

	mu    sync.Mutex // guards what follows
	rules []*rule
	rng   *rand.Rand
}

// Set puts a script in the place of the one before, and all counters to nothing. A script that cannot be read changes nothing.
func (f *Faults) Set(text string) error {
	s, err := parse(text)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = s.rules
	f.rng = rand.New(rand.NewPCG(s.seed, 0)) // #nosec G404 -- chance, and it must be repeatable
	f.busy.Store(len(s.rules) > 0)
	f.ahead.Store(int64(s.clock))
	return nil
}

// Now is the real time, put forward or back as the script says.
func (f *Faults) Now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

// Hits counts how many operations the script has made fail or wait since it was set.
func (f *Faults) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.rules {
		n += r.hit
	}
	return n
}

// String lists the rules, each with how many operations it has named and hit, and the clock.
func (f *Faults) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "clock %v\n", time.Duration(f.ahead.Load()))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		fmt.Fprintf(&out, "%s # named %d, hit %d\n", r.text, r.seen, r.hit)
	}
	return out.String()
}

// ServeHTTP lists the rules on GET, and takes a script on PUT and POST.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxScript))
		if err == nil {
			err = f.Set(string(text))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, f.String()) // the peer has gone if this fails
}

// injected is an error that a rule has made, told apart from a real one by its text.
type injected struct{ cause error }

// Error is the real error's text, marked.
func (e injected) Error() string { return e.cause.Error() + " (injected)" }

// Unwrap is the real error: syscall.EIO and the like.
func (e injected) Unwrap() error { return e.cause }

// check lets the rules decide about one operation: it waits, and returns the error with which the operation is to end.
func (f *Faults) check(op, file string) error {
	if !f.busy.Load() {
		return nil
	}
	delay, err := f.decide(op, file)
	if delay > 0 {
		time.Sleep(delay)
	}
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: file, Err: injected{err}}
}

func (f *Faults) decide(op, file string) (delay time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if !r.names(op, file) {
			continue
		}
		r.seen++
		if err != nil || r.seen < r.nth || r.times > 0 && r.hit >= r.times || r.chance < 1 && f.rng.Float64() >= r.chance {
			continue
		}
		r.hit++
		delay, err = delay+r.delay, r.err
	}
	return delay, err
}

// Wrap returns a file system that is another one, but for what the script says.
func (f *Faults) Wrap(inner vfs.FS) vfs.FS { return &faultyFS{FS: inner, faults: f} }

// halved reports whether an operation is to be done by half, and flipped whether with a bit turned.
func halved(err error) bool  { return errors.Is(err, io.ErrShortWrite) }
func flipped(err error) bool { return errors.Is(err, errFlip) }
