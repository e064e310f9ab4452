package apache

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
)

// readOffsets reads the table of offsets that counts, and finds out whether that of orders is as we have left it.
func (t *Tables) readOffsets(fs vfs.FS, dir string, left map[string]string) error {
	sums, err := Hashes(fs, dir)
	if err != nil {
		return err
	}
	ours := func(name string) bool { return sums[name] != "" && sums[name] == left[name] }
	t.SameOrders = ours(ordersFile)
	config := fs.PathJoin(dir, configDir)
	first, second := offsetsFile, lightsFile
	if left[lightsFile] != "" && ours(offsetsFile) != ours(lightsFile) {
		if ours(offsetsFile) {
			first, second = second, first
		}
	} else if written(fs, fs.PathJoin(config, lightsFile)).After(written(fs, fs.PathJoin(config, offsetsFile))) {
		first, second = second, first
	}
	err = readTable(fs, config, first, &t.Offsets)
	if t.Offsets != nil {
		return nil
	}
	return errors.Join(err, readTable(fs, config, second, &t.Offsets))
}

// written is when a file was written, the zero time if there is none, or it cannot be read: then reading it says so.
func written(fs vfs.FS, path string) time.Time {
	info, err := fs.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// split is the table as a broker with light queues keeps it.
func (t *OffsetTable) split() *OffsetTable {
	if t == nil {
		return nil
	}
	out := &OffsetTable{Version: t.Version, Offsets: make(map[string]map[message.QueueID]message.QueueOffset), Lights: make(map[string]message.QueueOffset)}
	for key, queues := range t.Offsets {
		_, group, ok := SplitOffsetKey(key)
		if off, some := queues[0]; ok && some && light.Is(group) {
			out.Lights[key] = off
			continue
		}
		out.Offsets[key] = queues
	}
	return out
}

// Each visits where each group goes on, by its key and queue.
func (t *OffsetTable) Each(visit func(key string, q message.QueueID, off message.QueueOffset) error) error {
	for key, queues := range t.Offsets {
		for q, off := range queues {
			if err := visit(key, q, off); err != nil {
				return err
			}
		}
	}
	for key, off := range t.Lights {
		if err := visit(key, 0, off); err != nil {
			return err
		}
	}
	return nil
}
