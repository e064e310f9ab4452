package nameserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FileKV keeps the KV configuration in one JSON file, in the form of Apache's kvConfig.json: {"configTable":{namespace:{key:value}}}. A save
// writes a new file beside it, syncs and renames, so that a crash leaves the old or the new table.
type FileKV struct {
	fs        vfs.FS
	dir, name string
}

// NewFileKV keeps the table in dir/name. The directory must exist.
func NewFileKV(fs vfs.FS, dir, name string) *FileKV { return &FileKV{fs, dir, name} }

type kvFile struct {
	ConfigTable map[string]map[string]string `json:"configTable"`
}

// Load reads the table; it is empty if there is no file.
func (k *FileKV) Load() (map[string]map[string]string, error) {
	path := k.fs.PathJoin(k.dir, k.name)
	f, err := k.fs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var file kvFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return file.ConfigTable, nil
}

// Save replaces the file.
func (k *FileKV) Save(table map[string]map[string]string) error {
	text, err := json.Marshal(kvFile{table})
	if err != nil {
		return fmt.Errorf("encode the KV configuration: %w", err)
	}
	path := k.fs.PathJoin(k.dir, k.name)
	if err := k.write(path+".tmp", text); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := k.fs.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := k.syncDir(); err != nil {
		return fmt.Errorf("sync %s: %w", k.dir, err)
	}
	return nil
}

func (k *FileKV) write(path string, text []byte) error {
	f, err := k.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

func (k *FileKV) syncDir() error {
	d, err := k.fs.OpenDir(k.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
