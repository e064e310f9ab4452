package manage

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// maxList bounds what one request makes or deletes: each member is a change that waits for the disk, and until the last one all other
// changes wait.
const maxList = 1_000

// List is one request for many topics or groups. All members are looked at before the first is changed, so that one that is wrong leaves
// everything as it was.
type List struct {
	Kind  string // topic or group
	Names []string
	// Check looks at a member, by its index, with nothing else.
	Check func(i int) error
	// Plan looks at it beside what is there; none if nil. Do carries it out.
	Plan, Do func(i int) error
	// Turn keeps other changes out from the first Plan to the last Do.
	Turn func(ctx context.Context) (done func(), err error)
}

// ListError says which member of a list failed, and what has happened to those before it.
type ListError struct {
	Err  error
	Rest string // behind the remark for Err
}

// Error is all of it.
func (e *ListError) Error() string { return e.Err.Error() + e.Rest }

// Unwrap is what was wrong with the member.
func (e *ListError) Unwrap() error { return e.Err }

// Run carries the request out. Where the store fails half way the error says how far it has come.
func (l *List) Run(ctx context.Context) error {
	if n := len(l.Names); n > maxList {
		return apart.Refuse(protocol.ResInvalidParameter, "the list has %d members, the limit is %d: send several", n, maxList)
	}
	const unchanged = "nothing was changed"
	if err := l.each(l.Check, func(int) string { return unchanged }); err != nil {
		return err
	}
	done, err := l.Turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if l.Plan != nil {
		if err := l.each(l.Plan, func(int) string { return unchanged }); err != nil {
			return err
		}
	}
	return l.each(l.Do, func(i int) string {
		return fmt.Sprintf("those before it are done, those behind it are not: %d", len(l.Names)-i-1)
	})
}

func (l *List) each(do func(i int) error, so func(i int) string) error {
	for i, name := range l.Names {
		if err := do(i); err != nil {
			return &ListError{err, fmt.Sprintf(" (%s %d of %d, %.300s; %s)", l.Kind, i+1, len(l.Names), name, so(i))}
		}
	}
	return nil
}
