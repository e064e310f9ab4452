package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FileName is the file that is written now; the full ones have numbers behind it, 1 for the newest.
const FileName = "audit.log"

// tailBytes is how much of a file's end is read at the start.
const tailBytes = 1 << 20

// Keep has records written to a directory from now on, which must be this server's own, and reads the newest of those that are there.
func (l *Log) Keep(dir string) error {
	var old []Record
	var errs []error
	for _, name := range []string{FileName + ".1", FileName} {
		some, err := tail(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		old = append(old, some...)
	}
	old = old[max(0, len(old)-maxLast):]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(old, l.last...)
	l.dir = dir
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("audit: read what is there: %w", err)
	}
	return nil
}

// tail reads the records at the end of a file.
func tail(path string) ([]Record, error) {
	f, err := os.Open(path) // #nosec G304 -- in the store's directory
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(f, from, tailBytes))
	if err != nil {
		return nil, err
	}
	if from > 0 { // most likely in the middle of a line
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return parse(text), nil
}

// parse reads lines. What is no record, a line that a crash has cut, is passed over.
func parse(text []byte) (out []Record) {
	for line := range bytes.Lines(text) {
		var r Record
		if json.Unmarshal(line, &r) == nil && !r.At.IsZero() {
			out = append(out, r)
		}
	}
	return out
}

// append adds records to the file, as its owner's alone, and syncs it.
func (l *Log) append(dir string, records []Record) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	for i := range records {
		if err := e.Encode(&records[i]); err != nil { // a time that JSON cannot write
			return err
		}
	}
	path := filepath.Join(dir, FileName)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 && info.Size()+int64(text.Len()) > l.o.MaxBytes {
		if err := l.rotate(path); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) // #nosec G304 -- in the store's directory
	if err != nil {
		return err
	}
	size, err := prepare(f)
	if err == nil && size < 0 {
		err = appendTo(f, []byte("\n")) // behind what a crash has cut
	}
	if err == nil {
		err = appendTo(f, text.Bytes())
	}
	err = errors.Join(err, f.Close())
	if err == nil && size == 0 {
		err = syncDir(dir)
	}
	return err
}

func appendTo(f *os.File, text []byte) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// prepare takes the file away from everybody but its owner and returns its size, -1 where it does not end with a line's end.
func prepare(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return 0, err
		}
	}
	if info.Size() == 0 {
		return 0, nil
	}
	var end [1]byte
	if _, err := f.ReadAt(end[:], info.Size()-1); err != nil {
		return 0, err
	}
	if end[0] != '\n' {
		return -1, nil
	}
	return info.Size(), nil
}

// rotate has each file take the place of the next older one.
func (l *Log) rotate(path string) error {
	for i := l.o.Files - 1; i >= 0; i-- {
		from, to := path, fmt.Sprintf("%s.%d", path, i+1)
		if i > 0 {
			from = fmt.Sprintf("%s.%d", path, i)
		}
		if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the store's
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
