package apache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

const (
	queueDir  = "consumequeue"
	entrySize = 20
	blankSize = 1<<31 - 1 // the size in a blank entry, which stands for no message
	// QueueFileSize is the size in bytes of a consume queue's file unless mappedFileSizeConsumeQueue says otherwise.
	QueueFileSize = 300_000 * entrySize
)

// QueueEnd is where a queue's numbers go on, and where its last message ends in the log.
type QueueEnd struct {
	Queue  message.Queue
	Next   message.QueueOffset
	LogEnd message.LogOffset
}

// QueueEntry is one entry of a consume queue. TagsCode is the due time in ms in SCHEDULE_TOPIC_XXXX.
type QueueEntry struct {
	QueueOffset message.QueueOffset
	LogOffset   message.LogOffset
	Size        int32
	TagsCode    int64
}

// QueueEnds reads from the last file of each consume queue where it ends.
func QueueEnds(fs vfs.FS, dir string) ([]QueueEnd, error) {
	root := fs.PathJoin(dir, queueDir)
	topics, err := list(fs, root)
	if err != nil {
		return nil, err
	}
	var ends []QueueEnd
	for _, topic := range topics {
		queues, err := list(fs, fs.PathJoin(root, topic))
		if err != nil {
			return nil, err
		}
		for _, queue := range queues {
			id, err := strconv.ParseInt(queue, 10, 32)
			if err != nil || id < 0 {
				continue
			}
			end, err := queueEnd(fs, fs.PathJoin(root, topic, queue))
			if err != nil {
				return nil, err
			}
			end.Queue = message.Queue{Topic: topic, ID: message.QueueID(id)}
			ends = append(ends, end)
		}
	}
	return ends, nil
}

// queueEnd finds the end of the entries: the first of size 0 behind the beginning of the last file.
func queueEnd(fs vfs.FS, dir string) (end QueueEnd, err error) {
	names, err := list(fs, dir)
	if err != nil || len(names) == 0 {
		return end, err
	}
	last := names[len(names)-1]
	base, err := strconv.ParseInt(last, 10, 64)
	if err != nil || len(last) != 20 || base%entrySize != 0 || base < 0 {
		return end, fmt.Errorf("consume queue %s: %s is no file of it", dir, last)
	}
	b, err := readFile(fs, fs.PathJoin(dir, last))
	end.Next = message.QueueOffset(base / entrySize)
	for ; err == nil && len(b) >= entrySize; b = b[entrySize:] {
		at, size := int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))
		if at < 0 || size <= 0 {
			break
		}
		end.Next++
		if size < blankSize {
			end.LogEnd = message.LogOffset(at + int64(size))
		}
	}
	return end, err
}

// RemoveDerived removes what Apache makes again from the log and the tables, so that it does not believe what no longer
// fits: consume queues, key index, checkpoint and the timer's wheel.
func RemoveDerived(fs vfs.FS, dir string) error {
	for _, name := range []string{queueDir, "consumequeue_ext", "batchconsumequeue", "index", "checkpoint", "timerwheel", "timerlog"} {
		if err := fs.RemoveAll(fs.PathJoin(dir, name)); err != nil {
			return err
		}
	}
	return syncDir(fs, dir)
}

// WriteQueue writes one consume queue of files of fileSize bytes: entries in ascending order, up to next. Offsets that
// have no entry are blank, as Apache fills them; a queue without any entry keeps its numbers all the same.
func WriteQueue(fs vfs.FS, dir string, end QueueEnd, fileSize int64, entries iter.Seq2[QueueEntry, error]) error {
	w := queueWriter{fs: fs, size: fileSize, dir: fs.PathJoin(dir, queueDir, end.Queue.Topic, strconv.Itoa(int(end.Queue.ID))), at: -1}
	if err := fs.MkdirAll(w.dir, 0o755); err != nil {
		return err
	}
	for e, err := range entries {
		if err == nil {
			err = w.put(e)
		}
		if err != nil {
			return errors.Join(err, w.close())
		}
	}
	if int64(end.Next) > max(w.at, 0) {
		// The last entry of a queue whose messages have gone points before the log, like the ones that Apache leaves.
		if err := w.put(QueueEntry{QueueOffset: end.Next - 1, Size: 1}); err != nil {
			return errors.Join(err, w.close())
		}
	}
	return errors.Join(w.close(), syncDir(fs, w.dir))
}

// queueWriter writes the files of one queue.
type queueWriter struct {
	fs   vfs.FS
	dir  string
	size int64 // bytes of a file
	at   int64 // queue offset of the next entry, -1 before the first
	base int64 // byte position where the open file begins
	file vfs.File
	buf  []byte
}

func (w *queueWriter) put(e QueueEntry) error {
	perFile := w.size / entrySize
	if w.at < 0 {
		w.at = int64(e.QueueOffset) / perFile * perFile
	}
	for w.at < int64(e.QueueOffset) {
		if err := w.append(0, blankSize, 0); err != nil {
			return err
		}
	}
	return w.append(int64(e.LogOffset), e.Size, e.TagsCode)
}

func (w *queueWriter) append(at int64, size int32, tags int64) error {
	if w.at*entrySize%w.size == 0 {
		if err := w.next(); err != nil {
			return err
		}
	}
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(at))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(size))
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(tags))
	w.at++
	if len(w.buf) >= 64<<10 {
		return w.flush()
	}
	return nil
}

// next begins the file of the next entry, of full length.
func (w *queueWriter) next() error {
	if err := w.close(); err != nil {
		return err
	}
	var err error
	w.base = w.at * entrySize
	w.file, err = w.fs.Create(w.fs.PathJoin(w.dir, fmt.Sprintf("%020d", w.base)), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = w.file.WriteAt([]byte{0}, w.size-1)
	return err
}

func (w *queueWriter) flush() error {
	_, err := w.file.WriteAt(w.buf, w.at*entrySize-w.base-int64(len(w.buf)))
	w.buf = w.buf[:0]
	return err
}

func (w *queueWriter) close() error {
	if w.file == nil {
		return nil
	}
	err := w.flush()
	if err == nil {
		err = w.file.Sync()
	}
	err = errors.Join(err, w.file.Close())
	w.file = nil
	return err
}
