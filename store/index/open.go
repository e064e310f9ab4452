package index

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Open opens the index over the blocks in its directory and makes the directory in Pebble fit them.
//
// Of blocks that overlap the widest counts (a crash may leave a merged block beside its sources), and the blocks must
// follow one another: behind a missing or damaged one the others are removed, for the log makes them again from
// [Index.AppliedTo] on. The caller then adds the records from there.
func Open(o Options) (*Index, error) {
	o = o.withDefaults()
	if len(o.Prefix) > maxPrefix {
		return nil, fmt.Errorf("index: the key prefix has %d bytes, the limit is %d", len(o.Prefix), maxPrefix)
	}
	ix := &Index{o: o, dir: directory{db: o.DB, flush: o.Flush, log: o.Logger, prefix: slices.Clone(o.Prefix)}, head: newHead()}
	ix.cache.limit = o.CacheBytes
	ix.cur = &view{head: ix.head}
	ix.cur.refs.Store(1)
	ix.floor.Store(int64(o.LogStart))
	if err := o.FS.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	chain, err := ix.openChain()
	if err == nil {
		ix.change(func(v *view) { v.blocks = chain })
		if n := len(chain); n > 0 {
			ix.applied.Store(int64(chain[n-1].UpTo))
		}
		ix.covered = ix.AppliedTo()
		err = ix.repairDirectory(chain)
	}
	if err != nil {
		_ = ix.Close()
		return nil, err
	}
	return ix, nil
}

// Close closes the block files as soon as the last reader has left them; when it returns, nobody reads from DB any more.
// Reads that come later fail, or find nothing. The head is lost, as the log has it.
func (ix *Index) Close() error {
	ix.dir.close()
	ix.head = newHead()
	ix.change(func(v *view) { v.blocks, v.fresh, v.frozen, v.head = nil, nil, nil, ix.head })
	return nil
}

// openChain opens the blocks that count and removes the other files.
func (ix *Index) openChain() ([]*block, error) {
	ids, err := ix.listBlocks()
	if err != nil {
		return nil, err
	}
	opened := make(map[blockID]*block)
	closeAll := func() {
		for _, b := range opened {
			_ = b.file.Close()
		}
	}
	for _, id := range ids {
		b, err := openBlock(ix.o.FS, ix.o.Dir, id, ix.o.Logger)
		var damage *DamageError
		switch {
		case err == nil:
			opened[id] = b
		case errors.As(err, &damage):
			ix.o.Logger.Error("an index block cannot be used and is made again from the log", "err", err)
		default:
			closeAll()
			return nil, err
		}
	}
	chain := chooseChain(ids, opened, ix.o.LogStart)
	for _, id := range ids {
		b := opened[id]
		if slices.Contains(chain, b) && b != nil {
			continue
		}
		if b != nil {
			_ = b.file.Close()
			delete(opened, id)
		}
		if err := ix.o.FS.Remove(ix.o.FS.PathJoin(ix.o.Dir, id.fileName())); err != nil {
			closeAll()
			return nil, fmt.Errorf("remove index block: %w", err)
		}
	}
	return chain, nil
}

// listBlocks returns the ids of all block files, in order, and removes what a crash left of unfinished ones.
func (ix *Index) listBlocks() ([]blockID, error) {
	names, err := ix.o.FS.List(ix.o.Dir)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	var ids []blockID
	for _, name := range names {
		if strings.HasSuffix(name, blockSuffix+tempSuffix) {
			if err := ix.o.FS.Remove(ix.o.FS.PathJoin(ix.o.Dir, name)); err != nil {
				return nil, fmt.Errorf("index: %w", err)
			}
			continue
		}
		if id, ok := parseName(name); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, blockID.compare)
	return ids, nil
}

func parseName(name string) (id blockID, ok bool) {
	parts := strings.Split(strings.TrimSuffix(name, blockSuffix), "-")
	if len(parts) != 3 {
		return id, false
	}
	from, err1 := strconv.ParseInt(parts[0], 10, 64)
	upTo, err2 := strconv.ParseInt(parts[1], 10, 64)
	seq, err3 := strconv.ParseUint(parts[2], 10, 32)
	id = blockID{Span{message.LogOffset(from), message.LogOffset(upTo)}, uint32(seq)}
	return id, errors.Join(err1, err2, err3) == nil && id.fileName() == name
}

// chooseChain picks, from the log's beginning on, the widest block that begins where the last one ended.
func chooseChain(ids []blockID, opened map[blockID]*block, logStart message.LogOffset) []*block {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id blockID) bool { return id.UpTo <= logStart })
	if len(ids) == 0 || logStart > 0 && ids[0].From > logStart {
		return nil
	}
	var chain []*block
	for end := ids[0].From; ; {
		var best *block
		for _, id := range ids {
			if b := opened[id]; id.From == end && id.UpTo > end && b != nil {
				best = b
			}
		}
		if best == nil {
			return chain
		}
		chain = append(chain, best)
		end = best.UpTo
	}
}

// repairDirectory adds the blocks that the directory lacks and deletes what it has of others. After a clean stop there
// is nothing to do but to read one key a block.
func (ix *Index) repairDirectory(chain []*block) error {
	known, err := ix.dir.blocks()
	if err != nil {
		return err
	}
	whole := make(map[blockID]bool)
	var lacking []*block
	for _, b := range chain {
		crc, ok := known[b.blockID]
		if ok && crc == b.foot.fileCRC {
			whole[b.blockID] = true
			delete(known, b.blockID)
			continue
		}
		lacking = append(lacking, b)
	}
	if len(lacking) == 0 && len(known) == 0 {
		return nil
	}
	ix.o.Logger.Info("repair the index directory", "blocks", len(chain), "lacking", len(lacking), "stale", len(known))
	c := ix.dir.change()
	for id := range known {
		if err := ix.dir.deleteBlock(c.b, id); err != nil {
			return err
		}
	}
	if err := ix.dir.sweep(&c, func(id blockID) bool { return whole[id] }, func(*run) {}); err != nil {
		return err
	}
	for _, b := range lacking {
		if err := ix.dir.addBlock(&c, b); err != nil {
			return err
		}
	}
	return c.end(false)
}
