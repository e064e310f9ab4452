package aerobee

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestConfigSettings looks at the settings that a configuration stands for.
func TestConfigSettings(t *testing.T) {
	f := func(c Config, change func(*config.Config)) {
		t.Helper()
		want := config.Default()
		change(&want)
		got, _, err := c.settings()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%+v: %v (-want +got):\n%s", c, err, diff)
		}
	}
	f(Config{}, func(*config.Config) {})
	f(Config{Memory: true}, func(c *config.Config) { c.Memory, c.Listen = true, []string{"127.0.0.1:0"} })
	f(Config{Settings: map[string]string{"memory": "true"}}, func(c *config.Config) { c.Memory, c.Listen = true, []string{"127.0.0.1:0"} })
	f(Config{Memory: true, Listen: []string{":9876"}}, func(c *config.Config) { c.Memory, c.Listen = true, []string{":9876"} })
	f(Config{Memory: true, Settings: map[string]string{"listen": ":1;:2"}}, func(c *config.Config) { c.Memory, c.Listen = true, []string{":1", ":2"} })
	f(Config{Data: "d;e", Settings: map[string]string{"data": "x", "FLUSHDISKTYPE": "ASYNC_FLUSH"}}, func(c *config.Config) {
		c.Data, c.FlushDiskType = "d;e", "ASYNC_FLUSH"
	})
}

// TestStartRefuses starts nodes that cannot be.
func TestStartRefuses(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		s, err := Start(c)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	f(Config{Memory: true, Settings: map[string]string{"brokerNam": "b"}}, "unknown key; the nearest known one is brokerName")
	f(Config{Memory: true, Settings: map[string]string{"maxMessageSize": "much"}}, `maxMessageSize: "much" is not a size`)
	f(Config{Memory: true, Settings: map[string]string{"brokerId": "1"}}, "single node")
	f(Config{Memory: true, Listen: []string{start(t).Addr()}}, "address already in use")
	dir := t.TempDir()
	mustStart(t, Config{Data: dir, Listen: []string{"127.0.0.1:0"}, Settings: map[string]string{"mappedFileSizeCommitLog": "16m"}})
	f(Config{Data: dir, Listen: []string{"127.0.0.1:0"}}, "in use")
}

// TestStartWarns sets a key of Apache's that has no effect: the logger hears of it, and nobody else.
func TestStartWarns(t *testing.T) {
	var log bytes.Buffer
	mustStart(t, Config{Memory: true, Logger: slog.New(slog.NewTextHandler(&log, nil)), Settings: map[string]string{"sendMessageThreadPoolNums": "4"}})
	if !strings.Contains(log.String(), "key=sendMessageThreadPoolNums") {
		t.Errorf("the log says %s", &log)
	}
}

// TestCloseTwice closes a node twice, and a node on disk keeps what it has.
func TestCloseTwice(t *testing.T) {
	c := Config{Data: filepath.Join(t.TempDir(), "new", "store"), Listen: []string{"127.0.0.1:0"}, Settings: map[string]string{"mappedFileSizeCommitLog": "16m"}}
	s := mustStart(t, c)
	s.dial(t).mustSend("T", "kept")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r := mustStart(t, c).dial(t).pull("G", "T", 0, 0); r.Code != protocol.ResSuccess || !strings.Contains(string(r.Body), "kept") {
		t.Errorf("after a restart: code %d %s", r.Code, r.Remark)
	}
}

// mustStart starts a node and closes it at the end of the test.
func mustStart(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
