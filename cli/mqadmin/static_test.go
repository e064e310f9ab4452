package mqadmin_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/cli/mqadmin"
)

func TestStaticTopics(t *testing.T) {
	l := newLab(t)
	fails := func(line, want string, usage bool) {
		t.Helper()
		if out, err := l.try(t.Context(), line); err == nil || !strings.Contains(err.Error(), want) || mqadmin.IsUsage(err) != usage {
			t.Errorf("%s: %v, want %q; it said %s", line, err, want, out)
		}
	}
	fails("remappingStaticTopic -b broker-a -t Orders", "there is no static topic Orders to remap", false)
	fails("updateStaticTopic -b broker-a -t Orders -qn 0", "option totalQueueNum: 0 queues, the least is 1", true)
	fails("updateStaticTopic -b broker-a -t Orders -qn 2 -mf x", "option mapFile: x is not read", true)
	fails("updateStaticTopic -b nobody -t Orders -qn 2", "the NameServer knows no master of broker nobody", false)
	fails("updateStaticTopic -c nowhere -t Orders -qn 2", "the NameServer knows no master of cluster nowhere", false)
	l.run("updateStaticTopic -b broker-a -t Orders -qn 2", "The old mapping data is written to file "+l.temp, ".before\n", "The new mapping data is written to file "+l.temp, ".after\n")
	l.run("updateStaticTopic -c DefaultCluster -t Orders -qn 4")
	fails("updateStaticTopic -b broker-a -t Orders -qn 4", "static topic Orders has 4 queues already", false)
	l.run("topicRoute -t Orders", `"topicQueueMappingByBroker":{`, `"totalQueues":4`)

	files, err := filepath.Glob(filepath.Join(l.temp, "Orders-*.after"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	text, err := os.ReadFile(files[1])
	if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"hostedQueues":{"0":[{"bname":"broker-a",`) {
		t.Errorf("%v: %s", err, text)
	}
	epoch := func(v any) float64 { return v.(map[string]any)["epoch"].(float64) }
	if v := l.object("remappingStaticTopic -b broker-a -t Orders"); epoch(v["after"]) < epoch(v["before"])+1000 {
		t.Errorf("remapped from epoch %v to %v", epoch(v["before"]), epoch(v["after"]))
	}
	l.run("updateTopic -b ADDR -t Plain -r 1 -w 1")
	fails("updateStaticTopic -b broker-a -t Plain -qn 2", "topic Plain is on broker broker-a with 1 queues and is not static", false)
}
