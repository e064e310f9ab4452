package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string, o Options) *Log {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := New(o)
	t.Cleanup(l.Close)
	if dir != "" {
		if err := l.Keep(dir); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// put records acts and waits until they are on the disk.
func put(t *testing.T, l *Log, whats ...string) {
	t.Helper()
	var wait sync.WaitGroup
	for _, what := range whats {
		if !l.Begin() {
			t.Fatal("no room")
		}
		wait.Add(1)
		l.Write(Record{From: "127.0.0.1:5", What: what, Outcome: Done}, wait.Done)
	}
	wait.Wait()
}

func whats(list []Record) (out []string) {
	for _, r := range list {
		out = append(out, r.What)
	}
	return out
}

// TestRecordsLast: they are lines of the file before anybody is told, for its owner alone, and the next start knows them.
func TestRecordsLast(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := open(t, dir, Options{Now: func() time.Time { return at }})
	put(t, l, "one", "two")
	path := filepath.Join(dir, FileName)
	text, err := os.ReadFile(path)
	const want = `{"at":"2026-01-02T03:04:05Z","from":"127.0.0.1:5","what":"one","outcome":"done","code":0}` + "\n"
	if err != nil || !strings.HasPrefix(string(text), want) || strings.Count(string(text), "\n") != 2 {
		t.Errorf("%v: %s", err, text)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	l.Close()
	l.Close()
	called := false
	if l.Begin(); true {
		l.Write(Record{What: "late"}, func() { called = true })
	}
	if !called {
		t.Error("who writes after the end is never told")
	}
	// A crash has cut a line, and somebody has given the file away.
	if err := os.WriteFile(path, append(text, `{"at":"2026`...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, Options{})
	put(t, again, "three")
	if got := fmt.Sprint(whats(again.Last(10))); got != "[one two three]" {
		t.Error(got)
	}
	if got := fmt.Sprint(whats(again.Last(1)), whats(again.Last(-1))); got != "[three] []" {
		t.Error(got)
	}
	info, err := os.Stat(path)
	if text, _ := os.ReadFile(path); err != nil || fmt.Sprint(whats(parse(text))) != "[one two three]" || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %s", info.Mode(), text)
	}
}

// TestFilesAreBounded: the oldest goes.
func TestFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MaxBytes: 400, Files: 2})
	for i := range 40 {
		put(t, l, fmt.Sprintf("act %d", i))
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 3 {
		t.Errorf("%v, %v", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Size() > 400 {
			t.Errorf("%s: %v, %v", name, info.Size(), err)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(dir, FileName)); !bytes.Contains(text, []byte("act 39")) {
		t.Errorf("%s", text)
	}
}

// TestRefusalsAreBounded: a stranger who is refused all the time does not wash away what was done.
func TestRefusalsAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	l := open(t, "", Options{Now: func() time.Time { return now }})
	for range 3 * refusalBurst {
		l.Refused(Record{What: "refused"})
	}
	put(t, l, "done")
	list := l.Last(1000)
	if n := len(list); n != refusalBurst+1 || list[n-1].Left != 2*refusalBurst || list[0].Outcome != Refused {
		t.Errorf("%d records, the last one %+v", n, list[n-1])
	}
	now = now.Add(3 * refusalPause)
	for range 10 {
		l.Refused(Record{What: "refused"})
	}
	if put(t, l, "done"); len(l.Last(1000)) != refusalBurst+5 {
		t.Errorf("%d records", len(l.Last(1000)))
	}
}

// TestRoom: acts under way are bounded, and what cannot be written holds nobody up.
func TestRoom(t *testing.T) {
	var said bytes.Buffer
	l := open(t, "", Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	for range l.MaxOpen() {
		if !l.Begin() {
			t.Fatal("no room")
		}
	}
	if l.Begin() {
		t.Error("one too many")
	}
	l.Refused(Record{What: "refused"})
	var wait sync.WaitGroup
	for range l.MaxOpen() {
		wait.Add(1)
		l.Write(Record{What: strings.Repeat("ä", 1000)}, wait.Done)
	}
	wait.Wait()
	l.mu.Lock()
	l.dir = filepath.Join(t.TempDir(), "gone")
	l.mu.Unlock()
	if !l.Begin() {
		t.Error("no room")
	}
	told := make(chan struct{})
	l.Write(Record{What: "nowhere to go", From: "f"}, func() { close(told) })
	<-told
	l.Close()
	if !strings.Contains(said.String(), "records are missing") || !strings.Contains(said.String(), "nowhere to go") {
		t.Errorf("log: %s", said.String())
	}
	if r := l.Last(1000)[0]; r.What != strings.Repeat("ä", maxText)+"…" {
		t.Errorf("%d letters", len(r.What))
	}
}

// FuzzParse: lines that are records are found, whatever stands beside them.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"at":"2026-01-02T03:04:05Z","from":"a","what":"b","outcome":"done","code":0}`))
	f.Add([]byte("\n\n{\"at\":\"20\n[]\nnull\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, r := range parse(text) {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if again := parse(line); len(again) != 1 || !again[0].At.Equal(r.At) {
				t.Fatalf("%+v", again)
			}
		}
	})
}

// TestHalfOfTheRoomIsForAdministrators: what anybody may ask for does not keep acts of theirs from beginning.
func TestHalfOfTheRoomIsForAdministrators(t *testing.T) {
	l := open(t, "", Options{})
	for range l.MaxAnybody() {
		if !l.BeginOpen() {
			t.Fatal("no room")
		}
	}
	if l.BeginOpen() {
		t.Error("one too many")
	}
	for range l.MaxOpen() - l.MaxAnybody() {
		if !l.Begin() {
			t.Fatal("no room for an administrator")
		}
	}
	for range l.MaxOpen() {
		l.Leave()
	}
}
