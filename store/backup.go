package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aerobee-mq/aerobee/store/backup"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/directory"
)

// backupCutTime is how long a backup waits for the cut that spares the copy's first start work.
const backupCutTime = 10 * time.Second

// Backup writes a consistent copy of the running store to w, in the form that package backup receives: everything that
// was visible, and every offset that was committed, when Backup was called. Puts, reads and retention go on; deleted segments give back their space
// when the copy has ended.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if s.closed.Load() {
		return commitlog.ErrClosed
	}
	s.flushOffsets()
	cutCtx, cancel := context.WithTimeout(ctx, backupCutTime)
	if err := s.Cut(cutCtx); err != nil {
		s.opt.Logger.Warn("the backup goes without a cut; its first start replays more", "error", err)
	}
	cancel()
	var files []backup.File
	_, unpin := s.ix.Pin(func(name string, size int64, r io.ReaderAt) {
		files = append(files, backup.File{Name: directory.BlockDir + "/" + name, Data: size, Size: size, From: r})
	})
	defer unpin()
	segs, end, release := s.log.Pin()
	if len(segs) == 0 {
		return errors.Join(commitlog.ErrClosed, release())
	}
	p := backup.Plan{Segments: len(segs), Blocks: len(files), Start: segs[0].Base, End: end}
	for _, seg := range segs {
		name := fmt.Sprintf("%s/%020d", directory.LogDir, int64(seg.Base))
		files = append(files, backup.File{Name: name, Data: min(seg.Size, int64(end-seg.Base)), Size: seg.Size, From: seg})
	}
	small, closeSmall, err := backup.Open(s.fs, s.opt.Dir, directory.AbortFile, directory.MarkerFile, "kvConfig.json")
	if err == nil {
		s.opt.Logger.Info("a backup begins", "from", p.Start, "to", p.End, "segments", p.Segments)
		err = backup.Send(ctx, w, p, append(files, small...))
	}
	return errors.Join(err, closeSmall(), release())
}
