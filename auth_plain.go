package aerobee

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/auth/plain"
)

// plainEvery is the time between two looks whether the access control files of 4.x have changed.
const plainEvery = 2 * time.Second

// plainFiles are the access control files of 4.x while the node runs.
type plainFiles struct {
	set  atomic.Pointer[plain.Set] // what they say; nil if they are not read
	text []byte                    // of all of them, as they were read last; belongs to who reads
	bad  string                    // what was wrong with them then
	wg   sync.WaitGroup            // of the goroutine that looks again, which ends with Server.stopping
}

// startPlain reads the access control files of 4.x, if the settings say so, and goes on to look whether they change. What is wrong at the start fails it; later
// the log says so, and what was read before stays.
func (s *Server) startPlain() error {
	if !s.cfg.Auth.Plain {
		return nil
	}
	if err := s.readPlain(); err != nil {
		return fmt.Errorf("aclEnable: %w", err)
	}
	s.plain.wg.Go(func() {
		ticker := time.NewTicker(plainEvery)
		defer ticker.Stop()
		for {
			select {
			case <-s.stopping:
				return
			case <-ticker.C:
				s.lookPlain()
			}
		}
	})
	return nil
}

// lookPlain reads the files again, and says once what is wrong.
func (s *Server) lookPlain() {
	bad := ""
	if err := s.readPlain(); err != nil {
		bad = err.Error()
	}
	if bad != "" && bad != s.plain.bad {
		s.log.Error("the access control files cannot be read, what they said before counts", "error", bad)
	}
	s.plain.bad = bad
}

// readPlain reads the files and takes over what they say, if they say something else than before.
func (s *Server) readPlain() error {
	paths, err := s.plainPaths()
	if err != nil {
		return err
	}
	var all []byte
	var set plain.Set
	for _, path := range paths {
		text, err := readBounded(path, plain.MaxFile)
		if err != nil {
			return err
		}
		all = append(append(append(all, path...), 0), text...)
		if err := set.Read(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if s.plain.set.Load() == nil || !bytes.Equal(all, s.plain.text) {
		s.plain.text = all
		s.plain.set.Store(&set)
		s.log.Info("access control files read", "files", len(paths), "accounts", set.Len())
	}
	return nil
}

// plainPaths are the files, sorted behind the first: the one that the settings name, and those in the directory acl beside it. Of both one must be there.
func (s *Server) plainPaths() ([]string, error) {
	first := s.cfg.Auth.PlainFile
	if home := os.Getenv("ROCKETMQ_HOME"); first == "" && home != "" {
		first = filepath.Join(home, "conf", "plain_acl.yml")
	}
	if first == "" {
		return nil, errors.New("neither plainAclFile nor $ROCKETMQ_HOME says where plain_acl.yml is")
	}
	var out []string
	err := filepath.WalkDir(filepath.Join(filepath.Dir(first), "acl"), func(path string, d fs.DirEntry, err error) error { // #nosec G703 -- the operator names the file
		if err == nil && d.Type().IsRegular() && (filepath.Ext(path) == ".yml" || filepath.Ext(path) == ".yaml") {
			out = append(out, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	slices.Sort(out)
	if _, err := os.Stat(first); err == nil || len(out) == 0 { // #nosec G703 -- the operator names the file
		out = slices.Insert(out, 0, first)
	}
	return out, nil
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path) // #nosec G304 -- which files are read is the operator's choice
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was read only
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return text, err
}
