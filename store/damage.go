package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// What was stored can be damaged at rest: a bit turns, a block is lost, a file is cut short or copied over another. A read
// that meets such a record passes over it, since it stays damaged for ever and what lies behind it is worth having: the
// answer goes on behind it, a line in the log names the place, and a counter tells. A record that the disk refuses to read
// is another matter, for the next try may succeed: what lies before it is served, and then the read fails, each time.

// skipDamaged notes a record that is not what was stored. Its first sight is logged.
func (s *Store) skipDamaged(at message.LogOffset, cause error) {
	if !s.troubles.Damaged(at) {
		return
	}
	s.opt.Logger.Error("a stored message is damaged and is passed over; `aerobee store verify` on a copy or the stopped store lists all",
		"log offset", int64(at), "segment", s.log.PathOf(at), "cause", cause)
}

// noteLogStart notes durably where the log will begin when retention has deleted what lies before. A disk that is too full
// for it must not keep retention from making room: then the next start may say that segments are missing which are not.
func (s *Store) noteLogStart(ctx context.Context, at message.LogOffset) {
	b := s.cache.NewBatch()
	err := cutdb.SetLogStart(b, at)
	if err == nil {
		err = s.cache.Commit(ctx, b)
	}
	if err = errors.Join(err, b.Close()); err != nil && s.troubles.Upkeep(upkeepRetention) {
		s.opt.Logger.Warn("where the log begins could not be noted in the cache", "begin", at, "error", err)
	}
}

// checkLogStart says so when segments are missing that retention has not deleted. What is left is worth having.
func (s *Store) checkLogStart() {
	begin, known := s.cache.LogStart()
	if start := s.log.Start(); known && begin < start {
		s.troubles.MissingBytes.Store(int64(start - begin))
		s.opt.Logger.Error("segments at the beginning of the commit log are missing, and their messages with them",
			"first missing", s.fs.PathJoin(directory.LogPath(s.fs, s.opt.Dir), fmt.Sprintf("%020d", int64(begin))), "log begins at", start)
	}
}

// sound closes up, in b from had on, the records of the spans that are what was stored, and counts them. Those that were
// read from memory need no check.
func (s *Store) sound(b []byte, had int, spans []commitlog.Span) (out []byte, count int) {
	memory := s.log.InMemory() // it only rises: what lies behind it now was read from memory
	if spans[0].At >= memory {
		return b, len(spans)
	}
	from, to := had, had
	for _, span := range spans {
		rec := b[from : from+int(span.Size)]
		from += len(rec)
		if span.At < memory {
			if err := message.CheckStored(rec, span.At, !s.imported.Foreign); err != nil {
				s.skipDamaged(span.At, err)
				continue
			}
		}
		if to < from-len(rec) { // one before it was passed over
			copy(b[to:], rec)
		}
		to += len(rec)
		count++
	}
	return b[:to], count
}

// readSingly reads records that could not be read together. It returns those before the first that the disk refuses, and
// of those the sound ones; done is how many spans it came past.
func (s *Store) readSingly(dst []byte, spans []commitlog.Span) (out []byte, count, done int, err error) {
	for i, span := range spans {
		had := len(dst)
		next, err := s.log.Read(dst, spans[i:i+1])
		if errors.Is(err, io.EOF) { // the file is cut short
			s.skipDamaged(span.At, err)
			continue
		}
		if err != nil {
			s.troubles.UnreadableReads.Add(1)
			return dst, count, i, err
		}
		next, n := s.sound(next, had, spans[i:i+1])
		dst, count = next, count+n
	}
	return dst, count, len(spans), nil
}
