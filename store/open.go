package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/cutdb"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/retention"
	"github.com/aerobee-mq/aerobee/store/state"
)

// errStale reports that the cache or the index knows more than the log, or not enough: it is made again from the log.
var errStale = errors.New("what was derived does not fit the log")

// openLocked opens the directory that this process has locked. What was derived from the log is tried first; where it
// does not fit, it is thrown away and the log alone decides.
func openLocked(o Options) (*Store, error) {
	current, err := directory.CheckFormat(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	if err := directory.SettleLogPath(o.FS, o.Dir, o.CommitLogDir); err != nil {
		return nil, err
	}
	imp, adopted, err := findImport(&o)
	if err != nil {
		return nil, err
	}
	if !current { // a new store, or one of an older version, which must not open it any more
		if err := directory.WriteFormat(o.FS, o.Dir); err != nil {
			return nil, err
		}
	}
	clean := directory.CleanEnd(o.FS, o.Dir)
	if err := directory.MarkOpen(o.FS, o.Dir); err != nil {
		return nil, err
	}
	s, err := tryOpen(o, imp, clean)
	// Twice: first the cache may not fit the log, and then the blocks.
	for tries := 0; tries < 2 && (errors.Is(err, errStale) || errors.Is(err, commitlog.ErrAhead)); tries++ {
		if errors.Is(err, commitlog.ErrAhead) {
			o.Logger.Error("the commit log ends before what was durable once: records or whole segments at its end are missing", "dir", o.Dir, "because", err)
		}
		o.Logger.Warn("the cache is thrown away and made again from the log", "dir", o.Dir, "because", err)
		if err := o.FS.RemoveAll(o.FS.PathJoin(o.Dir, directory.CacheDir)); err != nil {
			return nil, err
		}
		s, err = tryOpen(o, imp, clean)
	}
	if errors.Is(err, commitlog.ErrCorrupt) {
		err = fmt.Errorf("%w; `aerobee store verify %s` lists what is damaged: restore a backup, or move the named segment and those behind it away to go on with what lies before", err, o.Dir)
	}
	if err != nil {
		return nil, err
	}
	s.adopted = adopted
	if imp.After != nil {
		err = imp.After(s)
	}
	if err == nil && adopted != nil {
		err = adopted.opened(s)
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, s.log.Close(), s.closeDerived())
	}
	return s, nil
}

// findImport asks whether another broker has had the directory. The adoption is nil when somebody else answers.
func findImport(o *Options) (Import, *adoption, error) {
	if o.Import != nil {
		imp, err := o.Import(o.FS, o.Dir)
		return imp, nil, err
	}
	a, err := lookAround(o.FS, o.Dir)
	if err != nil {
		return Import{}, nil, err
	}
	imp, err := a.imports(o)
	if imp.segmentSize > 0 {
		o.SegmentSize = imp.segmentSize
	}
	return imp, a, errors.Join(err, o.validate())
}

// tryOpen opens cache, index and log. It wraps errStale when the first two must be made again.
func tryOpen(o Options, imp Import, clean message.LogOffset) (_ *Store, err error) {
	s := newStore(o)
	s.imported = imp
	cacheFS, err := s.cacheDisk()
	if err != nil {
		return nil, err
	}
	if s.cache, err = cutdb.Open(cacheFS, s.path(directory.CacheDir), o.Logger); err != nil {
		return nil, fmt.Errorf("%w: %w", errStale, err)
	}
	mark, err := s.loadCache()
	if err == nil {
		s.ix, err = index.Open(index.Options{
			FS: s.fs, Dir: s.path(directory.BlockDir), DB: s.cache.DB, Flush: s.cache.Flush, Prefix: []byte{cutdb.IndexKey},
			Logger: o.Logger, SegmentSize: o.SegmentSize, LogStart: directory.FirstSegment(s.fs, directory.LogPath(s.fs, s.opt.Dir)),
		})
	}
	if pebble.IsCorruptionError(err) {
		err = wrapStale(err)
	}
	if err != nil {
		return nil, errors.Join(err, s.cache.Close())
	}
	if err = s.replay(mark, clean); err != nil {
		return nil, errors.Join(err, s.closeDerived())
	}
	return s, nil
}

// cacheRoom is the free space in bytes below which the database of the cuts is not opened on the disk: Pebble would wait for
// room for ever.
const cacheRoom = 4 << 20

// cacheDisk says where the cache lies: on the disk, or in memory when that is full. The one on the disk goes then, for what
// is cut in memory must not be followed by an older cut.
func (s *Store) cacheDisk() (vfs.FS, error) {
	disk, err := retention.DiskUsage(s.fs, s.opt.Dir)
	if err != nil || disk.AvailBytes >= cacheRoom {
		return s.fs, nil
	}
	if err := s.fs.RemoveAll(s.path(directory.CacheDir)); err != nil {
		return nil, err
	}
	s.opt.Logger.Error("the disk is too full for the cache, which is kept in memory until the next start; that start will read the whole log",
		"dir", s.opt.Dir, "free", disk.AvailBytes, "needed", cacheRoom)
	s.homeless = true
	mem := vfs.NewMem()
	return mem, mem.MkdirAll(s.opt.Dir, 0o700)
}

func (s *Store) loadCache() (cutdb.Mark, error) {
	mark, err := s.cache.Mark()
	if err != nil || mark.Applied == 0 {
		return mark, wrapStale(err)
	}
	return mark, nil
}

func wrapStale(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errStale, err)
}

// replay loads the state of the last cut, opens the log, which replays the rest, and compares: nothing derived may reach
// beyond the log's end.
func (s *Store) replay(mark cutdb.Mark, clean message.LogOffset) (err error) {
	if mark.Applied > 0 && s.ix.AppliedTo() < mark.Applied {
		return fmt.Errorf("%w: the index ends at %d, the cut at %d", errStale, s.ix.AppliedTo(), mark.Applied)
	}
	if spans := s.ix.Spans(); len(spans) > 0 && spans[0].From > directory.FirstSegment(s.fs, directory.LogPath(s.fs, s.opt.Dir)) {
		err := s.fs.RemoveAll(s.path(directory.BlockDir))
		return errors.Join(fmt.Errorf("%w: the first index block begins at %d, the log before it", errStale, spans[0].From), err)
	}
	s.applied, s.prev = mark.Applied, mark.Prev
	s.mu.Lock()
	err = s.cache.Load(func(k state.Kind, p []byte) error { return s.applyChange(k, p, mark.Applied) })
	s.mu.Unlock()
	if err != nil {
		return wrapStale(err)
	}
	s.dirty, s.topicsChanged = [state.Limit]bool{}, false
	if s.imported.prepare != nil && mark.Applied < s.imported.until {
		if err := s.imported.prepare(s, mark.Applied); err != nil {
			return err
		}
	}
	s.log, err = commitlog.Open(s.logOptions(mark, clean))
	if err != nil {
		return err
	}
	if err := s.checkReplayed(); err != nil {
		return errors.Join(err, s.log.Close())
	}
	s.checkLogStart()
	s.cutAt.Store(int64(mark.Applied))
	s.cutWanted = max(mark.Applied, s.log.Start())
	return nil
}

func (s *Store) checkReplayed() error {
	if s.applyErr != nil {
		return s.applyErr
	}
	if s.orphans > 0 {
		s.opt.Logger.Warn("messages of topics that the log does not name are passed over", "messages", s.orphans)
	}
	end := s.log.Published()
	if s.ix.AppliedTo() > end {
		// A block that reaches beyond the end was cut from another log than this one.
		err := s.ix.DropFrom(end)
		return errors.Join(fmt.Errorf("%w: the index reaches %d, the log ends at %d", errStale, s.ix.AppliedTo(), end), err)
	}
	return s.ix.DropBefore(s.log.Start())
}

func (s *Store) logOptions(mark cutdb.Mark, clean message.LogOffset) commitlog.Options {
	fill := int64(0)
	if s.opt.Memory {
		fill = -1
	}
	return commitlog.Options{
		FS: s.fs, Dir: directory.LogPath(s.fs, s.opt.Dir), SegmentSize: s.opt.SegmentSize, Flush: s.opt.Flush,
		SyncTimeout: s.opt.SyncTimeout, AsyncInterval: s.opt.OffsetInterval / 2, MaxPendingBytes: s.opt.MaxPendingBytes,
		FillWindow: fill, TailBytes: min(s.opt.MemoryLimit/2, maxTailBytes), ColdBytes: min(s.opt.MemoryLimit/4, maxColdBytes), Buffered: s.opt.Buffered,
		ReplayFrom: mark.Applied, ReplayPrev: mark.Prev, CleanEnd: clean,
		Foreign:   s.imported.Foreign && (s.imported.prepare == nil || mark.Applied < s.imported.until),
		StoreHost: s.opt.StoreHost, Now: s.opt.Now, Logger: s.opt.Logger, Follower: follower{s},
	}
}
