package commitlog

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/aerobee-mq/aerobee/message"
)

// refusal is why the log takes nothing at the moment.
type refusal struct {
	err    error
	groups int // how many it has refused since it last took one
}

// refuse notes that a group was refused and returns what to answer. The first of a row is logged, and then the end of the
// row: a full disk would else write a line for each group. Only the committing goroutine calls it.
func (l *Log) refuse(err error) error {
	if errors.Is(err, message.ErrTooBig) || errors.Is(err, ErrFailed) {
		return err // the sender's own fault; told by fail
	}
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, ErrFull) {
		err = l.full(err)
	}
	r := &refusal{err: err, groups: 1}
	if was := l.refused.Load(); was != nil {
		r.groups += was.groups
	} else {
		l.opts.Logger.Error("commit log refuses what it cannot write, until a write succeeds", "err", err)
	}
	l.refused.Store(r)
	l.refusals.Add(1)
	return err
}

// take notes that a group was taken. Only the committing goroutine calls it.
func (l *Log) take() {
	if r := l.refused.Load(); r != nil {
		l.refused.Store(nil)
		l.opts.Logger.Info("commit log takes records again", "groups refused", r.groups)
	}
}

// Refusing returns why the last group was refused, nil if it was taken, and how many were refused since Open.
func (l *Log) Refusing() (groups int64, err error) {
	if r := l.refused.Load(); r != nil {
		err = fmt.Errorf("the commit log could not write, %d groups were refused since it last could: %w", r.groups, r.err)
	}
	return l.refusals.Load(), err
}

// InMemory returns the offset from which on records are read from memory; what lies before it is read from the disk. It
// only rises.
func (l *Log) InMemory() message.LogOffset {
	if first, ok := l.tail.first(); ok {
		return first
	}
	return l.Published()
}
