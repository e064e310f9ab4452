package commitlog

import (
	"errors"
	"io"

	"github.com/aerobee-mq/aerobee/message"
)

// Pinned is a segment that stays readable though retention may have deleted it.
type Pinned struct {
	Segment
	io.ReaderAt
}

// Pin keeps all segments up to what is published now readable until release is called, in log order. end is that offset;
// it lies in the last one, or at its beginning or end.
func (l *Log) Pin() (segs []Pinned, end message.LogOffset, release func() error) {
	end = l.Published()
	l.segs.mu.RLock()
	defer l.segs.mu.RUnlock()
	var held []*segment
	for _, s := range l.segs.list {
		if s.base >= end || l.segs.closed {
			break
		}
		s.refs.Add(1)
		held = append(held, s)
		segs = append(segs, Pinned{Segment{Base: s.base, Size: s.size, Path: s.path}, s.file})
	}
	return segs, end, func() error {
		var errs []error
		for _, s := range held {
			errs = append(errs, s.release())
		}
		return errors.Join(errs...)
	}
}
