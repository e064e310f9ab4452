// Package directory owns what lies in a store's directory beside the log, the index and the cache: the lock, the small files
// that say who has it open and how it was left, and the marker about Apache. It also reads, file by file, a log that nobody
// has open.
//
// # The files
//
//	commitlog/   the log, as Apache names it
//	blocks/      blocks of package index; index/ would be Apache's
//	cache/       the Pebble database of the last cut; disposable
//	lock         held by the process that has the store open
//	abort        there while the store is open; the owner's process id as text, as in Apache's stores, and " aerobee"
//	format       "aerobee store format 3\n"
//	clean        the log's end at the last clean stop, as text; counts only without abort
//	marker       whether Apache has had the directory, see Marker
//	config/      Apache's tables, written at each clean stop
//	commitlog.path  where the log lies, if not in commitlog/
//
// The store and whoever looks into its directory call it. Its functions are safe to call at once; nothing here is kept in
// memory.
package directory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// The names in a store's directory, see the package comment.
const (
	LogDir     = "commitlog"
	BlockDir   = "blocks"
	CacheDir   = "cache"
	lockFile   = "lock"
	AbortFile  = "abort"
	FormatFile = "format"
	CleanFile  = "clean"
	pathFile   = "commitlog.path"

	formatPrefix = "aerobee store format "
)

// FormatVersion is the version of the store's directory: of the state records, the cache and the index blocks together.
const FormatVersion = 3

// Lock makes this process the owner of a store directory. The error of the second one names the first.
func Lock(fs vfs.FS, dir string) (io.Closer, error) {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := SyncDir(fs, fs.PathDir(dir)); err != nil {
		return nil, err
	}
	c, err := fs.Lock(fs.PathJoin(dir, lockFile))
	if err == nil {
		return c, nil
	}
	holder := "another process"
	if pid, readErr := ReadText(fs, fs.PathJoin(dir, AbortFile)); readErr == nil && pid != "" {
		holder = "process " + strings.TrimSuffix(pid, abortSuffix)
	}
	return nil, fmt.Errorf("store directory %s is in use by %s: %w", dir, holder, err)
}

// LogPath is the directory of a store's log: commitlog/ in the store, unless commitlog.path names another.
func LogPath(fs vfs.FS, dir string) string {
	if path, err := ReadText(fs, fs.PathJoin(dir, pathFile)); err == nil && path != "" {
		return path
	}
	return fs.PathJoin(dir, LogDir)
}

// SettleLogPath notes where the log is to lie, once for the life of the store: it is not moved behind anybody's back.
func SettleLogPath(fs vfs.FS, dir, want string) error {
	is := LogPath(fs, dir)
	if want == "" || want == is {
		return nil
	}
	if _, err := fs.Stat(is); err == nil {
		return fmt.Errorf("the commit log lies in %s and is wanted in %s: move it there and write that path into %s, or drop the setting",
			is, want, fs.PathJoin(dir, pathFile))
	}
	return WriteText(fs, dir, pathFile, want)
}

// CheckFormat reads the format file, if there is one, and refuses a directory of a newer version, or a copy that is not
// complete. It reports whether the directory is of this version; an older one is to be marked as such before anything new is
// written.
func CheckFormat(fs vfs.FS, dir string) (current bool, err error) {
	path := fs.PathJoin(dir, FormatFile)
	text, err := ReadText(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v, err := strconv.Atoi(strings.TrimPrefix(text, formatPrefix))
	if err != nil || !strings.HasPrefix(text, formatPrefix) {
		return false, fmt.Errorf("%s says %.60q instead of %q and a number", path, text, formatPrefix)
	}
	if v > FormatVersion {
		return false, fmt.Errorf("%s says that the store has format %d, this version knows formats up to %d: use the newer version", path, v, FormatVersion)
	}
	return v == FormatVersion, nil
}

// WriteFormat writes the format file of this version.
func WriteFormat(fs vfs.FS, dir string) error {
	return WriteText(fs, dir, FormatFile, formatPrefix+strconv.Itoa(FormatVersion))
}

// CleanEnd returns where the log ended at the last stop, 0 if that was not a clean one.
func CleanEnd(fs vfs.FS, dir string) message.LogOffset {
	if _, err := fs.Stat(fs.PathJoin(dir, AbortFile)); err == nil {
		return 0
	}
	text, err := ReadText(fs, fs.PathJoin(dir, CleanFile))
	if err != nil {
		return 0
	}
	end, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return message.LogOffset(end)
}

// FirstSegment returns where the log begins, 0 if there is none.
func FirstSegment(fs vfs.FS, dir string) message.LogOffset {
	names, err := fs.List(dir)
	if err != nil {
		return 0
	}
	first := message.LogOffset(-1)
	for _, name := range names {
		base, err := strconv.ParseInt(name, 10, 64)
		if err == nil && len(name) == 20 && (first < 0 || message.LogOffset(base) < first) {
			first = message.LogOffset(base)
		}
	}
	return max(first, 0)
}

// MarkOpen notes that this process has the store open: what is found after a crash. On a full disk the file may be that of
// the process before, or empty: it is there, and that is what counts.
func MarkOpen(fs vfs.FS, dir string) error {
	err := WriteText(fs, dir, AbortFile, strconv.Itoa(os.Getpid())+abortSuffix)
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	path := fs.PathJoin(dir, AbortFile)
	if _, statErr := fs.Stat(path); statErr != nil {
		f, createErr := fs.Create(path, vfs.WriteCategoryUnspecified)
		if createErr != nil {
			return errors.Join(err, createErr)
		}
		if syncErr := errors.Join(f.Sync(), f.Close()); syncErr != nil {
			return errors.Join(err, syncErr)
		}
	}
	return SyncDir(fs, dir)
}

// MarkClean notes a clean stop, with the log's end.
func MarkClean(fs vfs.FS, dir string, end message.LogOffset) error {
	if err := WriteText(fs, dir, CleanFile, strconv.FormatInt(int64(end), 10)); err != nil {
		return err
	}
	if err := fs.Remove(fs.PathJoin(dir, AbortFile)); err != nil {
		return err
	}
	return SyncDir(fs, dir)
}

// ReadText reads a small file, without white space around it.
func ReadText(fs vfs.FS, path string) (string, error) {
	f, err := fs.Open(path)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	return strings.TrimSpace(string(b)), errors.Join(err, f.Close())
}

// WriteText replaces a small file, durably and whole: a temporary file, synced, renamed, the directory synced.
func WriteText(fs vfs.FS, dir, name, text string) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+".tmp", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text+"\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := fs.Rename(path+".tmp", path); err != nil {
		return err
	}
	return SyncDir(fs, dir)
}

// SyncDir makes the names in a directory durable.
func SyncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
