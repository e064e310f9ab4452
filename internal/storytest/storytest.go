// Package storytest checks what an example prints. The tests of the examples call it, one at a time in a process: it takes the
// standard output and the arguments away from the program that it runs.
package storytest

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// limit bounds one example; each takes a second or two.
const limit = time.Minute

// Check tells a story twice over the broker at namesrv, and once more by the program's main function with the broker that it has
// inside. It compares what is printed with the file output.txt, line by line in any order, since an example does several things
// at once.
func Check(t *testing.T, namesrv string, tell func(ctx context.Context, namesrv string, out io.Writer) error, main func()) {
	t.Helper()
	text, err := os.ReadFile("output.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := sorted(string(text))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for range 2 {
		var out buffer
		if err := tell(ctx, namesrv, &out); err != nil {
			t.Errorf("the story ends with: %v", err)
		}
		if got := sorted(out.String()); got != want {
			t.Errorf("the story should be\n%s\nand is\n%s", want, got)
		}
	}
	if got := sorted(printed(t, main)); got != want {
		t.Errorf("the program should print\n%s\nand prints\n%s", want, got)
	}
}

// printed is what f writes to the standard output.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, arguments := os.Stdout, os.Args
	os.Stdout, os.Args = w, os.Args[:1]
	read := make(chan string)
	go func() {
		text, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		read <- string(text)
	}()
	f()
	os.Stdout, os.Args = stdout, arguments
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return <-read
}

func sorted(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// buffer is a bytes.Buffer for several writers at once.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends p.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is all that was written.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
