// Package backup is the form in which a running store's copy travels: a tar stream of the files of a store directory, with a
// plan in front and an end that says the copy is whole.
//
// The store sends ([Send]); whoever wants the copy receives ([Receive]) into a directory that no version opens before the
// end has come. Both use a fixed buffer, whatever the store's size. Everything here is safe to call at once.
//
// # The stream
//
//	plan.json             a [Plan]: what will come
//	commitlog/<offset>    each segment up to the end of the copy; the header AEROBEE.length says how long the file is to be,
//	                      where its rest is zeros
//	blocks/<name>         blocks of the index, which spare the copy's first start the making of them
//	abort, marker, …      the small files, as a crash would have left them
//	end.json              the plan once more
//
// A store is restored by opening the directory: the log is the truth, and the copy is as one that was not stopped cleanly.
package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// File is one file to send: the first Data bytes of it, to be Size bytes long in the copy.
type File struct {
	Name       string // below the store's directory, with slashes
	Data, Size int64
	From       io.ReaderAt
}

// Plan says what a copy holds. Bytes counts what travels, Start and End bound the log.
type Plan struct {
	Segments int               `json:"segments"`
	Blocks   int               `json:"blocks"`
	Files    int               `json:"files"`
	Bytes    int64             `json:"bytes"`
	Start    message.LogOffset `json:"start"`
	End      message.LogOffset `json:"end"`
}

const (
	planName   = "plan.json"
	endName    = "end.json"
	lengthKey  = "AEROBEE.length"
	bufferSize = 256 << 10
)

// Send writes the stream. It ends early with the context's error, or one of a read or of w; what w has got then is no copy.
func Send(ctx context.Context, w io.Writer, p Plan, files []File) error {
	p.Files, p.Bytes = len(files), 0
	for _, f := range files {
		p.Bytes += f.Data
	}
	plan, err := json.Marshal(p)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	buf := make([]byte, bufferSize)
	all := append([]File{whole(planName, plan)}, files...)
	for _, f := range append(all, whole(endName, plan)) {
		if err := send(ctx, t, f, buf); err != nil {
			return fmt.Errorf("backup: send %s: %w", f.Name, err)
		}
	}
	return t.Close()
}

// Open opens those of the named files that are in a directory, to be sent as they are now. They are closed by close.
func Open(fs vfs.FS, dir string, names ...string) (files []File, closeAll func() error, err error) {
	var open []vfs.File
	closeAll = func() error {
		var errs []error
		for _, f := range open {
			errs = append(errs, f.Close())
		}
		return errors.Join(errs...)
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, closeAll, err
		}
		open = append(open, f)
		info, err := f.Stat()
		if err != nil {
			return nil, closeAll, err
		}
		files = append(files, File{Name: name, Data: info.Size(), Size: info.Size(), From: f})
	}
	return files, closeAll, nil
}

func whole(name string, b []byte) File {
	return File{Name: name, Data: int64(len(b)), Size: int64(len(b)), From: bytes.NewReader(b)}
}

func send(ctx context.Context, t *tar.Writer, f File, buf []byte) error {
	h := &tar.Header{Name: f.Name, Mode: 0o644, Size: f.Data, Format: tar.FormatPAX}
	if f.Size != f.Data {
		h.PAXRecords = map[string]string{lengthKey: strconv.FormatInt(f.Size, 10)}
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	for at := int64(0); at < f.Data; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), f.Data-at)]
		n, err := f.From.ReadAt(b, at)
		if n < len(b) {
			return fmt.Errorf("%d of %d bytes at %d: %w", n, len(b), at, err)
		}
		if _, err := t.Write(b); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
