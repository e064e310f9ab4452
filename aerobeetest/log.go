package aerobeetest

import "sync"

// maxLog bounds, in bytes, what is kept of a broker's log: the newest of it.
const maxLog = 32 << 10

// lines keeps a log in case that the test fails. A test's own log would show it always, and must not be used after its end.
type lines struct {
	mu   sync.Mutex
	text []byte
}

// Write takes one line.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line...)
	if over := len(l.text) - maxLog; over > 0 {
		l.text = append(l.text[:0], l.text[over:]...)
	}
	return len(line), nil
}

// String is the newest of what was said.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
