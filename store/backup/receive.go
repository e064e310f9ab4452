package backup

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/store/directory"
)

const (
	partialSuffix = ".partial"
	// unfinished stands in the format file until the copy is whole: every version refuses to open such a directory, and
	// its error shows these words.
	unfinished = "this backup is not complete"
	maxSmall   = 16 << 20 // bytes of a file that is neither segment nor block
	maxFile    = 1 << 40
)

// Receive writes the copy that the stream holds to dir, which must not be there yet. Until the end has come and all is synced it
// lies in dir + ".partial", which no version opens; one that an earlier Receive has left there is removed first. progress,
// if not nil, hears after each piece how many bytes have come of how many.
func Receive(fs vfs.FS, dir string, r io.Reader, progress func(done, of int64)) (Plan, error) {
	rc := &receiver{fs: fs, dir: dir + partialSuffix, buf: make([]byte, bufferSize), progress: progress}
	if _, err := fs.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return Plan{}, errors.Join(fmt.Errorf("backup: %s is there already", dir), err)
	}
	err := rc.begin()
	if err == nil {
		err = rc.run(r)
	}
	if err == nil {
		err = rc.finish(dir)
	}
	if err != nil {
		return rc.plan, fmt.Errorf("backup: the copy in %s is not complete: %w", rc.dir, err)
	}
	return rc.plan, nil
}

type receiver struct {
	fs       vfs.FS
	dir      string
	buf      []byte
	progress func(done, of int64)
	plan     Plan
	files    int
	bytes    int64
}

// begin makes the directory, with the words in it that keep it from being opened.
func (rc *receiver) begin() error {
	if _, err := rc.fs.Stat(rc.dir); err == nil {
		text, err := directory.ReadText(rc.fs, rc.fs.PathJoin(rc.dir, directory.FormatFile))
		if err != nil || text != unfinished {
			return errors.Join(errors.New("something else lies there; remove it"), err)
		}
		if err := rc.fs.RemoveAll(rc.dir); err != nil {
			return err
		}
	}
	if err := rc.fs.MkdirAll(rc.dir, 0o755); err != nil {
		return err
	}
	if err := directory.WriteText(rc.fs, rc.dir, directory.FormatFile, unfinished); err != nil {
		return err
	}
	for _, d := range []string{directory.LogDir, directory.BlockDir} {
		if err := rc.fs.MkdirAll(rc.fs.PathJoin(rc.dir, d), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (rc *receiver) run(r io.Reader) error {
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil || h.Name != planName {
		return errors.Join(errors.New("the stream does not begin with a plan"), err)
	}
	if rc.plan, err = readPlan(t); err != nil {
		return err
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("after %d of %d files, %d of %d bytes: %w", rc.files, rc.plan.Files, rc.bytes, rc.plan.Bytes, err)
		}
		if h.Name == endName {
			if err := rc.compare(t); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, r) // what a tar stream has behind its last file
			return err
		}
		if err := rc.file(h, t); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func readPlan(r io.Reader) (p Plan, err error) {
	err = json.NewDecoder(io.LimitReader(r, 4096)).Decode(&p)
	if err != nil {
		err = fmt.Errorf("plan: %w", err)
	}
	return p, err
}

func (rc *receiver) compare(r io.Reader) error {
	end, err := readPlan(r)
	if err != nil {
		return err
	}
	if end != rc.plan || rc.files != end.Files || rc.bytes != end.Bytes {
		return fmt.Errorf("%d files with %d bytes have come, the end says %+v", rc.files, rc.bytes, end)
	}
	return nil
}

// names are the files that a copy may hold.
var names = regexp.MustCompile(`^(commitlog/\d{20}|blocks/[0-9a-zA-Z._-]{1,100}|marker|abort|kvConfig\.json)$`)

func (rc *receiver) file(h *tar.Header, r io.Reader) (err error) {
	size := h.Size
	if text := h.PAXRecords[lengthKey]; text != "" {
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			return err
		}
	}
	small := !strings.Contains(h.Name, "/")
	if !names.MatchString(h.Name) || strings.Contains(h.Name, "..") || h.Typeflag != tar.TypeReg {
		return errors.New("a copy holds no such file")
	}
	if size < h.Size || size > maxFile || small && size > maxSmall {
		return fmt.Errorf("%d bytes are to become %d", h.Size, size)
	}
	f, err := rc.fs.Create(rc.fs.PathJoin(append([]string{rc.dir}, strings.Split(h.Name, "/")...)...), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := rc.copy(f, r); err != nil {
		return err
	}
	if size > h.Size {
		if _, err := f.WriteAt([]byte{0}, size-1); err != nil {
			return err
		}
	}
	rc.files++
	return f.Sync()
}

func (rc *receiver) copy(f vfs.File, r io.Reader) error {
	for {
		n, err := r.Read(rc.buf)
		if n > 0 {
			if _, err := f.Write(rc.buf[:n]); err != nil {
				return err
			}
			rc.bytes += int64(n)
			if rc.progress != nil {
				rc.progress(rc.bytes, rc.plan.Bytes)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// finish makes the copy openable: names durable, then the format, then the directory's own name.
func (rc *receiver) finish(dir string) error {
	for _, d := range []string{rc.fs.PathJoin(rc.dir, directory.LogDir), rc.fs.PathJoin(rc.dir, directory.BlockDir), rc.dir} {
		if err := directory.SyncDir(rc.fs, d); err != nil {
			return err
		}
	}
	if err := directory.WriteFormat(rc.fs, rc.dir); err != nil {
		return err
	}
	if err := rc.fs.Rename(rc.dir, dir); err != nil {
		return err
	}
	return directory.SyncDir(rc.fs, rc.fs.PathDir(dir))
}
