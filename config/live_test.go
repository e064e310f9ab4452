package config

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLiveKeysAreEffectiveAndHarmless(t *testing.T) {
	if !slices.IsSorted(Live()) {
		t.Error("not sorted")
	}
	for _, name := range Live() {
		k, no := liveKey(name)
		if no != nil || k.Name != name || k.Secret {
			t.Errorf("%s: %v, secret %t", name, no, k.Secret)
		}
		for _, part := range []string{"path", "dir", "addr", "port", "file", "command", "listen", "tls"} {
			if low := strings.ToLower(name); strings.Contains(low, part) && name != "fileReservedTime" {
				t.Errorf("%s sounds as if it opened or ran something (%s)", name, part)
			}
		}
	}
}

func TestChangeIsWholeOrNothing(t *testing.T) {
	c := Default()
	next, changed, err := c.Change([]Property{{Key: "BROKERPERMISSION", Value: "4"}, {Key: "fileReservedTime", Value: "48"}, {Key: "maxMessageSize", Value: "4194304"},
		{Key: "brokerClusterName", Value: c.ClusterName}})
	if err != nil || next.BrokerPermission != 4 || next.FileReserved.Hours() != 48 || c.BrokerPermission != 6 {
		t.Fatalf("%v: %+v", err, next)
	}
	if diff := cmp.Diff([]string{"brokerPermission", "fileReservedTime"}, changed); diff != "" {
		t.Error(diff)
	}
	f := func(key, value, why string, atStart bool) {
		t.Helper()
		got, _, err := c.Change([]Property{{Key: "brokerPermission", Value: "4"}, {Key: key, Value: value}})
		var no *Refusal
		if !errors.As(err, &no) || no.AtStart != atStart || !strings.Contains(no.Error(), why) || !strings.Contains(no.Error(), key) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
		if got.BrokerPermission != 6 {
			t.Errorf("%s: a part was changed", key)
		}
	}
	f("brokerName", "b", "--set brokerName=VALUE", true)
	f("storePathRootDir", "/x", "given when the node starts", true)
	f("listenPort", "1234", "given when the node starts", true)
	f("logFile", "/x", "given when the node starts", true)
	f("sendMessageThreadPoolNums", "4", "without a thread pool", false)
	f("reviveInterval", "4", "no effect here", false)
	f("brokerPermissio", "4", "nearest known one is brokerPermission", false)
	f("autoCreateTopicEnable", "yes", "neither true nor false", false)
	f("brokerPermission", "9", "out of range", false)
	f("maxMessageSize", "1073741824", "does not fit", false)
}

// TestSecretsAreNotTold: neither as they are, nor by trying whether a value is the one that they have.
func TestSecretsAreNotTold(t *testing.T) {
	c := Default()
	c.Metrics.Headers = []NamedText{{"api-key", "k7"}}
	if text := c.Told(); strings.Contains(text, "k7") || !strings.Contains(text, "metricsGrpcExporterHeader=***\n") || !strings.Contains(c.Properties(), "k7") {
		t.Error(text)
	}
	pairs, err := ParseProperties(c.Told())
	if err != nil {
		t.Fatal(err)
	}
	next, changed, err := c.Change(pairs) // as a tool does that sends back what it was told
	if err != nil || len(changed) != 0 || next.Metrics.Headers[0].Value != "k7" {
		t.Errorf("%v: %v changed, %v", err, changed, next.Metrics.Headers)
	}
	var no *Refusal
	for _, guess := range []string{"api-key:k7", "api-key:k8"} {
		if _, _, err := c.Change([]Property{{Key: "metricsGrpcExporterHeader", Value: guess}}); !errors.As(err, &no) || !no.AtStart {
			t.Errorf("%s: %v", guess, err)
		}
	}
}

func TestChangesAreKeptAgainstTheirStart(t *testing.T) {
	start := Default()
	now, _, err := start.Change([]Property{{Key: "brokerPermission", Value: "4"}, {Key: "deleteWhen", Value: "02;14"}})
	if err != nil {
		t.Fatal(err)
	}
	text := now.Changes(&start)
	again, changed, dropped, err := start.Restore(text)
	if err != nil || again.BrokerPermission != 4 || again.DeleteWhen != "02;14" || len(changed) != 2 || len(dropped) != 0 {
		t.Errorf("%v: %v, %v", err, changed, dropped)
	}
	edited := start
	edited.BrokerPermission = 2 // the operator has set it anew
	again, changed, dropped, err = edited.Restore(text)
	if err != nil || again.BrokerPermission != 2 || again.DeleteWhen != "02;14" || !slices.Equal(changed, []string{"deleteWhen"}) || !slices.Equal(dropped, []string{"brokerPermission"}) {
		t.Errorf("%v: %v, %v", err, changed, dropped)
	}
	for _, bad := range []string{"brokerName=x\nbrokerName.insteadOf=y\n", "brokerPermission=x\nbrokerPermission.insteadOf=6\n", "a=\\u12"} {
		if _, _, _, err := start.Restore(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzRestore restores any text, and what it has changed comes back from the text that is made of it.
func FuzzRestore(f *testing.F) {
	start := Default()
	now, _, err := start.Change([]Property{{Key: "brokerPermission", Value: "4"}, {Key: "deleteWhen", Value: "02;14"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(now.Changes(&start))
	f.Add("fileReservedTime=1\nfileReservedTime.insteadOf=72")
	f.Fuzz(func(t *testing.T, text string) {
		c, changed, _, err := start.Restore(text)
		if err != nil {
			return
		}
		again, same, _, err := start.Restore(c.Changes(&start))
		if err != nil || !slices.Equal(changed, same) || again.Properties() != c.Properties() {
			t.Errorf("%q: %v, %v then %v", text, err, changed, same)
		}
	})
}
