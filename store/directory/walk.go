package directory

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// Walker sees a log that nobody has open, file by file and record by record.
type Walker interface {
	// Segment sees each file before what lies in it.
	Segment(file string, base message.LogOffset, size int64)
	// Record sees the bytes of what has a record's frame; they are valid until it returns. An error ends the walk.
	Record(file string, at message.LogOffset, rec []byte) error
	// End sees where a segment's records end without an end marker; err says what lies there, nil if zeros.
	End(file string, at message.LogOffset, err error)
}

// Walk reads all segments in order. Its errors are those of the file system and of the walker; damage goes to the
// walker.
func Walk(fs vfs.FS, dir string, w Walker) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		_, err := strconv.ParseInt(n, 10, 64)
		return err != nil || len(n) != 20
	})
	slices.Sort(names)
	for _, n := range names {
		if err := walkSegment(fs, fs.PathJoin(dir, n), n, w); err != nil {
			return err
		}
	}
	return nil
}

func walkSegment(fs vfs.FS, path, fileName string, w Walker) (err error) {
	f, err := fs.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	base, err := strconv.ParseInt(fileName, 10, 64)
	if err != nil {
		return err
	}
	w.Segment(path, message.LogOffset(base), info.Size())
	var head [message.BlankSize]byte
	var buf []byte
	for at := int64(0); at < info.Size(); {
		if info.Size()-at < message.BlankSize {
			w.End(path, message.LogOffset(base+at), fmt.Errorf("%d bytes are left, an end marker has %d", info.Size()-at, message.BlankSize))
			return nil
		}
		if _, err := f.ReadAt(head[:], at); err != nil {
			return fmt.Errorf("read %s at byte %d: %w", path, at, err)
		}
		size, blank, peeked := message.PeekSize(head[:])
		switch {
		case peeked == nil && blank && int64(size) == info.Size()-at:
			return nil
		case peeked == nil && blank:
			peeked = fmt.Errorf("end marker for %d bytes, %d are left", size, info.Size()-at)
		case peeked == nil && int64(size) > info.Size()-at:
			peeked = fmt.Errorf("%w: total size %d, %d bytes are left", message.ErrSize, size, info.Size()-at)
		}
		if peeked != nil {
			if head == [message.BlankSize]byte{} {
				if peeked, err = onlyZeros(f, at, info.Size()); err != nil {
					return err
				}
			}
			w.End(path, message.LogOffset(base+at), peeked)
			return nil
		}
		buf = slices.Grow(buf[:0], size)[:size]
		if _, err := f.ReadAt(buf, at); err != nil {
			return fmt.Errorf("read %s at byte %d: %w", path, at, err)
		}
		if err := w.Record(path, message.LogOffset(base+at), buf); err != nil {
			return err
		}
		at += int64(size)
	}
	return nil
}

// onlyZeros returns as found where a file's rest is not zero.
func onlyZeros(f io.ReaderAt, at, size int64) (found, err error) {
	buf := make([]byte, 256<<10)
	for at < size {
		b := buf[:min(int64(len(buf)), size-at)]
		if n, err := f.ReadAt(b, at); n < len(b) {
			return nil, err
		}
		for i, c := range b {
			if c != 0 {
				return fmt.Errorf("byte %d of the file is 0x%02x behind the end", at+int64(i), c), nil
			}
		}
		at += int64(len(b))
	}
	return nil, nil
}
