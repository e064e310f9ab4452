// Package localoffset keeps the offsets of a broadcasting consumer in a file of its host, where and as Java's clients keep theirs.
// Package client asks it instead of the brokers. A [File] is safe to use at once; two of one path are not.
package localoffset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

// File is a file of offsets:
//
//	{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"t"}:42}}
//
// The file is replaced as a whole, so a crash leaves the old or the new one.
type File struct {
	path string

	mu     sync.Mutex
	table  map[Queue]int64 // guarded by mu, as all below
	loaded bool
}

// New returns the file of that path, which need not exist. It does no I/O.
func New(path string) *File { return &File{path: path} }

// maxOffsetFile bounds what is read: about a million queues.
const maxOffsetFile = 128 << 20

// Load is the offset kept for a queue; found is false when there is none. The first call reads the file.
func (o *File) Load(_ context.Context, q Queue) (int64, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(); err != nil {
		return 0, false, err
	}
	offset, found := o.table[q]
	return offset, found, nil
}

// read reads the file once, or the copy beside it that Java keeps when the file is damaged.
func (o *File) read() error {
	if o.loaded {
		return nil
	}
	table, err := readOffsets(o.path)
	if err != nil {
		var spareErr error
		if table, spareErr = readOffsets(o.path + ".bak"); spareErr != nil || table == nil {
			return err
		}
	}
	if table == nil {
		table = map[Queue]int64{}
	}
	o.table, o.loaded = table, true
	return nil
}

// readOffsets returns nil for a file that does not exist.
func readOffsets(path string) (map[Queue]int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxOffsetFile {
		return nil, fmt.Errorf("client: local offsets in %s: %d bytes, the limit is %d", path, info.Size(), maxOffsetFile)
	}
	text, err := os.ReadFile(path) // #nosec G304 -- the user's own setting
	if err != nil {
		return nil, fmt.Errorf("client: read local offsets: %w", err)
	}
	var body protocol.ResetOffset
	if err := protocol.UnmarshalBody(text, &body); err != nil {
		return nil, fmt.Errorf("client: local offsets in %s: %w", path, err)
	}
	if body.OffsetTable == nil {
		body.OffsetTable = map[Queue]int64{}
	}
	return body.OffsetTable, nil
}

// Save keeps offsets beside those of other queues, and returns when they are on the disk.
func (o *File) Save(_ context.Context, offsets map[Queue]int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(); err != nil {
		o.table, o.loaded = map[Queue]int64{}, true // nothing that could be read is overwritten: the file is damaged
	}
	if o.holds(offsets) {
		return nil
	}
	maps.Copy(o.table, offsets)
	body := protocol.ResetOffset{OffsetTable: o.table}
	if err := replaceFile(o.path, body.Append(nil)); err != nil {
		return fmt.Errorf("client: write local offsets: %w", err)
	}
	return nil
}

// SaveSoon is [File.Save].
func (o *File) SaveSoon(ctx context.Context, offsets map[Queue]int64) error {
	return o.Save(ctx, offsets)
}

func (o *File) holds(offsets map[Queue]int64) bool {
	for q, offset := range offsets {
		if have, ok := o.table[q]; !ok || have != offset {
			return false
		}
	}
	return true
}

// replaceFile writes a file beside the old one and puts it in its place.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".offsets-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
