package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client"
)

// TestWhy asks for the reasons with the command line: of Apache's brokers too, which know nothing of /api/v1.
func TestWhy(t *testing.T) {
	for _, target := range clientTargets(t) {
		t.Run(target, func(t *testing.T) {
			s := startServer(t, target, "diskMaxUsedSpaceRatio=95") // the doctor looks at this machine's disk
			w := asker{t, aerobeeBinary(t), s.namesrv}
			w.want(0, `"problems":0`, "doctor")
			w.want(1, `"rule":"topic-missing","problem":true`, "doctor", "topic", "Letters")
			w.want(0, "", "topic", "create", "Letters", "--queues", "1")
			w.want(0, "", "group", "create", "readers")
			w.want(0, `"problems":0`, "doctor", "topic", "Letters")
			w.want(0, "", "send", "Letters", "hello", "--key", "k1", "--tag", "a")
			readLetters(t, s.namesrv)
			w.want(0, `"problems":0`, "doctor", "group", "readers")
			var found []v1.Message
			if err := w.read(&found, "message", "search", "Letters", "--key", "k1"); err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			if err := eventually(20*time.Second, "the group has the message", func() error {
				var trace v1.Trace
				if err := w.read(&trace, "message", "trace", found[0].ID, "--topic", "Letters"); err != nil {
					return err
				}
				if len(trace.Groups) != 1 || trace.Groups[0].State != "acknowledged" || len(trace.Indexed) != 2 || trace.Copies != 1 {
					return &unexpected{trace}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// unexpected is a journey that is not the one.
type unexpected struct{ trace v1.Trace }

func (u *unexpected) Error() string {
	text, _ := json.Marshal(u.trace)
	return string(text)
}

// readLetters has a group read one message.
func readLetters(t *testing.T, namesrv string) {
	t.Helper()
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background()) //nolint:errcheck // the journey says whether the offset is there
	got := make(chan struct{}, 1)
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "readers", From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: "Letters"}},
		Handler: func(context.Context, []*client.Delivery) error { got <- struct{}{}; return nil }}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(readyLimit):
		t.Fatal("no message came")
	}
}

// asker runs commands of the binary.
type asker struct {
	t               *testing.T
	binary, namesrv string
}

func (a asker) run(args ...string) (out string, code int) {
	a.t.Helper()
	c := exec.Command(a.binary, append(args, "--json", "--namesrv", a.namesrv)...)
	text, err := c.Output()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		a.t.Fatal(err)
	}
	return string(text), c.ProcessState.ExitCode()
}

func (a asker) want(code int, text string, args ...string) {
	a.t.Helper()
	if out, got := a.run(args...); got != code || !strings.Contains(out, text) {
		a.t.Errorf("aerobee %s: exit code %d, %s; want %d and %q", strings.Join(args, " "), got, out, code, text)
	}
}

// read reads the JSON of a command that exits with 0.
func (a asker) read(out any, args ...string) error {
	a.t.Helper()
	text, code := a.run(args...)
	if err := json.Unmarshal([]byte(text), out); err != nil || code != 0 {
		return fmt.Errorf("aerobee %s: exit code %d, %v: %s", strings.Join(args, " "), code, err, text)
	}
	return nil
}
