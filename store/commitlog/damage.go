package commitlog

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// damaged tells damage from a torn tail: the bytes at r.tail, in the last segment, are no record. A crash leaves at most
// one group behind what is durable, since each is written after the sync of the one before; so when records of two groups,
// told apart by their store times, lie behind the invalid bytes, these had been durable. Then Open fails rather than cut
// off what was acknowledged. Under ASYNC_FLUSH, and in the log of another broker, nothing can be told.
func (r *replay) damaged(s *segment) error {
	if r.log.opts.Flush != SyncFlush || r.log.opts.Foreign {
		return nil
	}
	to := min(s.end(), r.tail+message.LogOffset(r.log.opts.MaxPendingBytes))
	var first message.Record
	for at := r.tail + 1; ; {
		rec, err := r.nextSound(s, at, to)
		switch {
		case err != nil:
			return err
		case rec.Size == 0:
			return nil
		case first.Size == 0:
			first = rec
		case rec.StoreTime > first.StoreTime:
			return fmt.Errorf("%w: segment %s at %d: %w; it was durable once, since records of later groups lie behind it, from %d on;"+
				" a start with ASYNC_FLUSH cuts the log there and gives up what lies behind", ErrCorrupt, s.path, r.tail, r.reason, first.LogOffset)
		}
		at = rec.LogOffset + message.LogOffset(rec.Size)
	}
}

// nextSound finds the first sound record in its place at or behind an offset; its Size is 0 if there is none. Of the
// record only the numbers are valid.
func (r *replay) nextSound(s *segment, at, to message.LogOffset) (message.Record, error) {
	magic := binary.BigEndian.AppendUint32(nil, message.MagicV1)[:3] // all versions begin with them
	buf := make([]byte, fillStep)
	for at < to {
		at = max(at, s.base+message.LogOffset(nextData(s.file, int64(at-s.base), s.size)))
		n := int(min(int64(len(buf)), int64(to-at)))
		if n < message.BlankSize {
			break
		}
		if got, err := s.file.ReadAt(buf[:n], int64(at-s.base)); got < n {
			return message.Record{}, fmt.Errorf("%w: %d bytes of segment %s at %d: %w", errRead, n, s.path, at, err)
		}
		i := bytes.Index(buf[4:n], magic)
		if i < 0 {
			at += message.LogOffset(n - message.BlankSize + 1) // a magic number may begin in the last bytes
			continue
		}
		at += message.LogOffset(i)
		if rec, _, err := r.recordAt(at); err == nil {
			return rec, nil
		}
		at++
	}
	return message.Record{}, nil
}
