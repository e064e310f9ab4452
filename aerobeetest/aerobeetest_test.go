package aerobeetest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/aerobeetest"
	"github.com/aerobee-mq/aerobee/client/cluster"
)

// attempt is a test that fails, or not, without failing the test that looks at it.
type attempt struct {
	testing.TB
	failed   bool
	log      strings.Builder
	cleanups []func()
}

func (a *attempt) Helper()                    {}
func (a *attempt) Failed() bool               { return a.failed }
func (a *attempt) Cleanup(f func())           { a.cleanups = append(a.cleanups, f) }
func (a *attempt) Logf(f string, args ...any) { fmt.Fprintf(&a.log, f+"\n", args...) }
func (a *attempt) Errorf(f string, args ...any) {
	a.failed = true
	a.Logf(f, args...)
}

// end is the end of the test.
func (a *attempt) end() string {
	for len(a.cleanups) > 0 {
		last := len(a.cleanups) - 1
		f := a.cleanups[last]
		a.cleanups = a.cleanups[:last]
		f()
	}
	return a.log.String()
}

// TestEndsWithTheTest looks at what is left when a test has ended: a closed broker, and its log only if the test failed.
func TestEndsWithTheTest(t *testing.T) {
	for _, failed := range []bool{false, true} {
		a := &attempt{TB: t, failed: failed}
		// A key of Apache's without effect is worth a warning.
		b := aerobeetest.StartConfig(a, aerobee.Config{Settings: map[string]string{"sendMessageThreadPoolNums": "4"}})
		b.Client()
		b.CreateTopic("T", 1)
		addr := b.Addr()
		log := a.end()
		if shown := strings.Contains(log, "key=sendMessageThreadPoolNums"); shown != failed || a.failed != failed {
			t.Errorf("failed %v: the log is %q", failed, log)
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			t.Errorf("something still listens on %s", addr)
		}
	}
}

// TestParallel gives each of many tests a broker of its own.
func TestParallel(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			b := aerobeetest.Start(t)
			if first := b.Client(); first != b.Client() {
				t.Error("the client is not always the same one")
			}
			topic := fmt.Sprint("T", i)
			b.CreateTopic(topic, i+1)
			a, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			for other := range 8 {
				state, err := a.Topic(t.Context(), fmt.Sprint("T", other))
				switch {
				case other == i && (err != nil || len(state.Queues) != i+1):
					t.Errorf("topic %s: %v, %+v", topic, err, state)
				case other != i && !errors.Is(err, cluster.ErrTopicNotFound):
					t.Errorf("topic %d is known to broker %d: %v, %+v", other, i, err, state)
				}
			}
		})
	}
}

// TestSendAndReceive runs what the package's example shows.
func TestSendAndReceive(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), greeting)
	}
}

// TestOnDisk keeps messages' topics over a restart: a second broker on the same directory.
func TestOnDisk(t *testing.T) {
	c := aerobee.Config{Data: t.TempDir(), Settings: map[string]string{"mappedFileSizeCommitLog": "16m"}}
	first := aerobeetest.StartConfig(t, c)
	first.CreateTopic("kept", 3)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := admin.New(admin.Options{NameServers: []string{aerobeetest.StartConfig(t, c).Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if state, err := a.Topic(context.Background(), "kept"); err != nil || len(state.Queues) != 3 {
		t.Errorf("%v, %+v", err, state)
	}
}
