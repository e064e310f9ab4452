package interop

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refused is before a command line that both refuse; ours exits with 1.
const refused = "! "

// alike are command lines of which mqadmin and `aerobee admin` print the same, by word. Those that change something do it twice.
func alike() []string {
	return []string{
		"updateTopic -c DefaultCluster -t Alike -r 2 -w 2", "updateTopic -c DefaultCluster -t Ordered -r 1 -w 1 -o true", "updateTopicPerm -c DefaultCluster -t Alike -p 6",
		"updateSubGroup -c DefaultCluster -g alike -s true -r 3",
		"topicRoute -t Alike", "topicRoute -t Alike -l", "topicStatus -t Alike", "topicClusterList -t Alike", "topicList",
		"updateOrderConf -t Alike -m put -v broker-a:2", "updateOrderConf -t Alike -m get", "updateOrderConf -t Alike -m delete",
		"getConsumerConfig -g alike", "setConsumeMode -c DefaultCluster -t Alike -g alike -m PULL",
		"resetOffsetByTime -g alike -t Alike -s 1", "consumerProgress -g alike -t Alike", "skipAccumulatedMessage -g alike -t Alike",
		"queryMsgByKey -t Alike -k key-1", "queryMsgByUniqueKey -t Alike -i ID", "queryMsgById -t Alike -i OFFSETID", "queryMsgByOffset -t Alike -b broker-a -i 1 -o 0",
		"printMsg -t Alike -d true", "printMsgByQueue -t Alike -a broker-a -i 1 -p true -d true -f true",
		"clusterList", "clusterList -m", "brokerStatus -b BROKER", "getBrokerConfig -b BROKER", "getNamesrvConfig -n NAMESRV",
		"updateKvConfig -s ns -k k -v v", "deleteKvConfig -s ns -k k", "wipeWritePerm -b broker-a", "addWritePerm -b broker-a",
		refused + "producerConnection -g nobody -t Alike", "updateSubGroup -c DefaultCluster -g alike2", "deleteSubGroup -c DefaultCluster -g alike -r true",
	}
}

// TestAdminPrintsWhatMqadminPrints runs RocketMQ's own mqadmin 5.5.0 and `aerobee admin` with the same options against each target, and
// compares what they print: every word, in no order of lines, since mqadmin's is that of a hash table, without what TestMqadmin
// leaves out too, numbers that change from one second to the next.
func TestAdminPrintsWhatMqadminPrints(t *testing.T) {
	t.Setenv("AEROBEE_BROKER_NAME", "broker-a")
	t.Setenv("TMPDIR", t.TempDir()) // where ours copies bodies of messages
	binary := aerobeeBinary(t)
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			s := startServer(t, target)
			mqadmin := startMqadmin(t, s)
			ours := func(line string) string { return runTool(t, s, binary, "aerobee admin "+line) }
			ours("updateTopic -c DefaultCluster -t Alike -r 2 -w 2")
			sent := ours("sendMessage -t Alike -p hello -k key-1 -c tag -b broker-a -i 1")
			id := regexp.MustCompile(`[0-9A-F]{32}`).FindString(sent)
			offsetID := regexp.MustCompile(`[0-9A-F]{32}`).FindString(ours("queryMsgById -t Alike -i " + id))
			if id == "" || offsetID == "" {
				t.Fatalf("sent %s, and found %q", sent, offsetID)
			}
			fill := strings.NewReplacer("OFFSETID", offsetID, "ID", id, "BROKER", s.broker, "NAMESRV", s.namesrv)
			only := regexp.MustCompile(os.Getenv("AEROBEE_INTEROP_ONLY"))
			for _, line := range alike() {
				if !only.MatchString(line) {
					continue
				}
				line, refusal := strings.CutPrefix(fill.Replace(line), refused)
				words := append([]string{"mqadmin"}, strings.Fields(line)...)
				theirs := mqadmin.ask(line, words)
				if theirs.Failed != "" {
					t.Fatalf("mqadmin %s: %s", line, theirs.Failed)
				}
				mqadmin.remember(words, theirs)
				compareAdmin(t, words, theirs, ours(line), refusal)
			}
		})
	}
}

// compareAdmin holds what both have said of a command line against each other.
func compareAdmin(t *testing.T, words []string, theirs mqadminAnswer, ours string, refusal bool) {
	t.Helper()
	command, failed := commandOf(words), strings.HasSuffix(ours, "[exit 1]\n")
	want, got := essence(command, theirs.Out), essence(command, ours)
	switch {
	case refusal && (theirs.Err == "" || !failed):
		t.Errorf("%q is refused by mqadmin with %q, by aerobee admin with\n%s", words, theirs.Err, ours)
	case !refusal && strings.Contains(ours, "[exit "):
		t.Errorf("%q fails:\n%s", words, ours)
	case !refusal && len(want)+len(got) == 0:
		t.Errorf("%q prints nothing, so nothing is compared; mqadmin says %q", words, theirs.Err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-mqadmin +aerobee admin):\n%s", words, diff)
	}
}

// essence is what a command printed, as lines of words in alphabetical order: without what differs from one second to the next, the order
// of maps, and the folder of files.
func essence(command, text string) []string {
	for _, r := range []struct{ pattern, with string }{
		{`\[exit \d+\]`, ""},
		{`(timestamp\(long\)\[)\d+`, "$1<time>"},
		{`(?m)^(Message Body Path:) .*/`, "$1 <folder>/"},
		{`__CRC32#=\d+, |, __CRC32#=\d+`, ""},               // the record's checksum, which is ours to look at
		{`M(AX|IN)_OFFSET=\d+, |, M(AX|IN)_OFFSET=\d+`, ""}, // a consumer in Java adds them to what it pulls
		{`(?s)exceptionDesc=.*?\](\n|$)`, "exceptionDesc=<text>]\n"},
		{`trackType=UNKNOWN`, "trackType=NOT_ONLINE"}, // mqadmin looks for a retry topic, and knows no more without one
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	text = normaliseMqadmin(command, text)
	maps := regexp.MustCompile(`\{[^{}\n]*\}`)
	text = maps.ReplaceAllStringFunc(text, func(m string) string {
		parts := strings.Split(strings.Trim(m, "{}"), ", ")
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	})
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "aerobee: ") || strings.Contains(line, " |-") { // what logback says of itself, and standard error
			continue
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func TestEssence(t *testing.T) {
	f := func(command, text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, essence(command, text)); diff != "" {
			t.Errorf("%s: %s", command, diff)
		}
	}
	const id = "7F0000010001112233440000000A0007"
	f("topicClusterList", "DefaultCluster\n", "DefaultCluster")
	f("clusterList", "#Cluster Name\nDefaultCluster   broker-a  0  127.0.0.1:22000  V5_5_0   0.00(0,0ms)  true\n", "#Cluster Name", "DefaultCluster broker-a 0 <client> V5_5_0 <n>(<n>,<n>ms) true")
	f("queryMsgById", "Message Body Path:   /tmp/x/rocketmq/msgbodys/"+id+"\nProperties:          {b=1, a=2}\n", "Message Body Path: <folder>/<id>", "Properties: {a=2, b=1}")
	f("brokerStatus", "putTps      : 0.00 1.5 2\nrunning   : yes\n", "putTps : <n>", "running : yes")
	f("producerConnection", "aerobee: nobody is online\n[exit 1]\n")
}
