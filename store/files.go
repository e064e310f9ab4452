package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
)

// The store's directory:
//
//	commitlog/   the log, as Apache names it
//	blocks/      blocks of package index; index/ would be Apache's
//	cache/       the Pebble database of the last cut; disposable
//	lock         held by the process that has the store open
//	abort        there while the store is open; the owner's process id as text, as in Apache's stores, and " aerobee"
//	format       "aerobee store format 1\n"
//	clean        the log's end at the last clean stop, as text; counts only without abort
//	marker       whether Apache has had the directory, see import_marker.go
//	config/      Apache's tables, written at each clean stop
//	commitlog.path  where the log lies, if not in commitlog/
const (
	logDir     = "commitlog"
	indexDir   = "blocks"
	cacheDir   = "cache"
	lockFile   = "lock"
	abortFile  = "abort"
	formatFile = "format"
	cleanFile  = "clean"
	pathFile   = "commitlog.path"

	formatPrefix = "aerobee store format "
)

// lockDir makes this process the owner of a store directory. The error of the second one names the first.
func lockDir(fs vfs.FS, dir string) (io.Closer, error) {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syncDir(fs, fs.PathDir(dir)); err != nil {
		return nil, err
	}
	c, err := fs.Lock(fs.PathJoin(dir, lockFile))
	if err == nil {
		return c, nil
	}
	holder := "another process"
	if pid, readErr := readText(fs, fs.PathJoin(dir, abortFile)); readErr == nil && pid != "" {
		holder = "process " + strings.TrimSuffix(pid, abortSuffix)
	}
	return nil, fmt.Errorf("store directory %s is in use by %s: %w", dir, holder, err)
}

// logPath is the directory of a store's log: commitlog/ in the store, unless commitlog.path names another.
func logPath(fs vfs.FS, dir string) string {
	if path, err := readText(fs, fs.PathJoin(dir, pathFile)); err == nil && path != "" {
		return path
	}
	return fs.PathJoin(dir, logDir)
}

// settleLogPath notes where the log is to lie, once for the life of the store: it is not moved behind anybody's back.
func settleLogPath(fs vfs.FS, dir, want string) error {
	is := logPath(fs, dir)
	if want == "" || want == is {
		return nil
	}
	if _, err := fs.Stat(is); err == nil {
		return fmt.Errorf("the commit log lies in %s and is wanted in %s: move it there and write that path into %s, or drop the setting",
			is, want, fs.PathJoin(dir, pathFile))
	}
	return writeText(fs, dir, pathFile, want)
}

// checkFormatFile reads the format file, and writes it where there is none.
func checkFormatFile(fs vfs.FS, dir string) error {
	path := fs.PathJoin(dir, formatFile)
	text, err := readText(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return writeText(fs, dir, formatFile, formatPrefix+strconv.Itoa(formatVersion))
	}
	if err != nil {
		return err
	}
	v, err := strconv.Atoi(strings.TrimPrefix(text, formatPrefix))
	if err != nil || !strings.HasPrefix(text, formatPrefix) {
		return fmt.Errorf("%s says %.60q instead of %q and a number", path, text, formatPrefix)
	}
	if v > formatVersion {
		return fmt.Errorf("%s says that the store has format %d, this version knows formats up to %d: use the newer version", path, v, formatVersion)
	}
	return nil
}

// cleanEnd returns where the log ended at the last stop, 0 if that was not a clean one.
func cleanEnd(fs vfs.FS, dir string) message.LogOffset {
	if _, err := fs.Stat(fs.PathJoin(dir, abortFile)); err == nil {
		return 0
	}
	text, err := readText(fs, fs.PathJoin(dir, cleanFile))
	if err != nil {
		return 0
	}
	end, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return message.LogOffset(end)
}

// firstSegment returns where the log begins, 0 if there is none.
func firstSegment(fs vfs.FS, dir string) message.LogOffset {
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

func markOpen(fs vfs.FS, dir string) error {
	return writeText(fs, dir, abortFile, strconv.Itoa(os.Getpid())+abortSuffix)
}

func markClean(fs vfs.FS, dir string, end message.LogOffset) error {
	if err := writeText(fs, dir, cleanFile, strconv.FormatInt(int64(end), 10)); err != nil {
		return err
	}
	if err := fs.Remove(fs.PathJoin(dir, abortFile)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

func readText(fs vfs.FS, path string) (string, error) {
	f, err := fs.Open(path)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	return strings.TrimSpace(string(b)), errors.Join(err, f.Close())
}

// writeText replaces a small file, durably and whole: a temporary file, synced, renamed, the directory synced.
func writeText(fs vfs.FS, dir, name, text string) error {
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
	return syncDir(fs, dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
