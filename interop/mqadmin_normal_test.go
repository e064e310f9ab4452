package interop

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mqadminRule replaces what differs from run to run, or from one machine to another.
type mqadminRule struct {
	pattern *regexp.Regexp
	with    string
	numbers bool // replace each number in what the last group matched, and leave the rest
}

func ruled(pattern, with string) mqadminRule {
	return mqadminRule{pattern: regexp.MustCompile(pattern), with: with}
}

// counted has the numbers of the pattern's last group replaced.
func counted(pattern string) mqadminRule {
	return mqadminRule{pattern: regexp.MustCompile(pattern), numbers: true}
}

var mqadminNumber = regexp.MustCompile(`-?\d+(\.\d+)?(E-?\d+)?`)

func (r mqadminRule) apply(text string) string {
	if !r.numbers {
		return r.pattern.ReplaceAllString(text, r.with)
	}
	var out strings.Builder
	last := 0
	for _, at := range r.pattern.FindAllStringSubmatchIndex(text, -1) {
		from, to := at[len(at)-2], at[len(at)-1]
		out.WriteString(text[last:from])
		out.WriteString(mqadminNumber.ReplaceAllString(text[from:to], "<n>"))
		last = to
	}
	return out.String() + text[last:]
}

// Rules for what every command prints. Times before the year 2020 stay: they stand for none. What an exception was thrown through goes, what it says stays.
var (
	mqadminFirst = []mqadminRule{
		ruled(`(?m)^(2> )\s+(at .*|\.\.\. \d+ (more|common frames omitted))\n?`, "$1\n"),
		ruled(`(?m)^2> \n`, ""),
		ruled(`\n2> $`, ""),
		ruled(`\b20[2-9]\d-\d\d-\d\d[ #T]\d\d:\d\d:\d\d([.,:]\d{1,3})?\b`, "<time>"),
		ruled(`\b1[6-9]\d{11}\b`, "<ms>"),
		ruled(`\b(\d{1,3}\.){3}\d{1,3}@(\d+#\d+|<ms>)`, "<client id>"),
		ruled(`\b([0-9A-F]{32}|[0-9A-F]{56})\b`, "<id>"),
		ruled(`/?\b127\.0\.0\.1:\d+\b`, "<client>"),
		ruled(`\b(commitLogOffset=|CommitLog Offset: +|storeSize=)\d+`, "$1<n>"),
	}
	mqadminLast = []mqadminRule{ruled(` {2,}`, " "), ruled(` +\n`, "\n"), ruled(` +$`, "")}
)

// Rules by command. Columns have been squeezed to one space before.
var (
	mqadminConfig  = []mqadminRule{ruled(`= /.*`, "= <path>"), ruled(`(?i)(port|threads|poolnums|timestamp|nums?) = \d+`, "$1 = <n>"), mqadminAddress}
	mqadminVersion = ruled(`(?m)^(/dataVersion/counter =) \d+`, "$1 <n>")
	mqadminAddress = ruled(`\b(\d{1,3}\.){3}\d{1,3}\b`, "<ip>")
	mqadminRules   = map[string][]mqadminRule{
		"topicStatus":      {ruled(`Put TPS: [\d.]+`, "Put TPS: <n>")},
		"consumerProgress": {ruled(`Consume TPS: [\d.]+`, "Consume TPS: <n>"), ruled(`(?m)^(\S+ \d+ (V|OFFLINE).*?) \d+ (-?\d+)$`, "$1 <n> $3")},
		"consumerStatus":   {ruled(`<ms>/`, "<file>/"), ruled(`(?m)^(\w+ : )[\w.$/]+@.*`, "$1<object>"), counted(`(?ms)^(#Consumer Properties#.*)`)},
		"brokerStatus": {
			counted(`(?m)^(?:.*?\S+)? ?: (.*)$`), ruled(`Tps : <n>( <n>)*`, "Tps : <n>"), // there may be no rate of ten minutes yet
			ruled(`_/\S+/commitlog`, "_<path>/commitlog"), ruled(`(putMessageDistributeTime ?): .*`, "$1: <spread>"), // null before the first minute
		},
		"getBrokerConfig":  mqadminConfig,
		"getNamesrvConfig": mqadminConfig,
		"clusterList":      {counted(`(?m)^DefaultCluster broker-a 0 \S+ V\S+ (.*)$`), counted(`(?m)^DefaultCluster broker-a (\d+ \d+ -?\d+ -?\d+)$`)},
		"statsAll": {
			ruled(`(?m)^(\S+ \S+ \d+) [\d.]+ [\d.]+ \d+ \d+$`, "$1 <n> <n> <n> <n>"), ruled(`(?m)^(\S+ \d+) [\d.]+ \d+ NO_CONSUMER$`, "$1 <n> <n> NO_CONSUMER"),
		},
		"sendMsgStatus":       {ruled(`rt=\d+ms`, "rt=<n>ms"), ruled(`queue(Id|Offset)=\d+`, "queue$1=<n>")},
		"checkMsgSendRT":      {ruled(`(?m)^(\S+ \d+ (?:true|false)) \d+$`, "$1 <n>"), ruled(`Avg RT: [\d.]+`, "Avg RT: <n>")},
		"clusterRT":           {ruled(`(?m)^(DefaultCluster \S+) [\d.]+ `, "$1 <n> ")},
		"queryMsgById":        {ruled(`spentTimeMills=\d+`, "spentTimeMills=<n>"), ruled(`queue(Id|Offset)=\d+\b`, "queue$1=<n>")},
		"queryMsgByUniqueKey": {ruled(`spentTimeMills=\d+`, "spentTimeMills=<n>")},
		"queryMsgByKey":       {ruled(`(?m)@\d+$`, "@<n>")},
		"queryMsgTraceById":   {ruled(`\b\d+ms\b`, "<n>ms"), mqadminAddress},
		"queryCq":             {ruled(`(physicOffset|physicSize)(=|: ?)\d+`, "$1$2<n>")},
		"producer": { // the commands' own connections come and go; the producers of traces are known from their first heartbeat on, after 30 s
			ruled(`(?m)^producer group \((CLIENT_INNER_PRODUCER|_INNER_TRACE_PRODUCER-\S+)\).*\n?`, ""), mqadminAddress,
		},
		"getBrokerLiteInfo":          {counted(`(?m)^<server> default \d+ (.*)$`)},
		"haStatus":                   {counted(`#MasterCommitLogMaxOffset\t(\d+)`)},
		"updateStaticTopic":          {ruled(`written to file .*`, "written to file <file>")},
		"remappingStaticTopic":       {ruled(`written to file .*`, "written to file <file>")},
		"getBrokerEpoch":             {mqadminAddress},
		"cat metadata.json":          {mqadminVersion},
		"cat topic.json":             {mqadminVersion},
		"cat subscriptionGroup.json": {mqadminVersion},
		"cat metrics.json":           {counted(`(?s)^(.*)$`)},
	}
)

// mqadminSorted are the commands whose lines come in the order of a hash table, which follows from how many there are.
var mqadminSorted = []string{"topicList", "consumerProgress", "statsAll", "brokerConsumeStats", "getBrokerConfig", "getNamesrvConfig", "producer", "listUser", "listAcl", "getAcl"}

// normaliseMqadmin takes out of what a command printed what differs from run to run.
func normaliseMqadmin(command, text string) string {
	for _, rules := range [][]mqadminRule{mqadminFirst, mqadminLast, mqadminRules[command]} {
		for _, r := range rules {
			text = r.apply(text)
		}
	}
	text = strings.TrimRight(text, "\n")
	if slices.Contains(mqadminSorted, command) {
		lines := strings.Split(text, "\n")
		errors := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "2> ") })
		if errors < 0 {
			errors = len(lines)
		}
		slices.Sort(lines[:errors])
		text = strings.TrimLeft(strings.Join(lines, "\n"), "\n")
	}
	return text
}

func TestNormaliseMqadmin(t *testing.T) {
	f := func(command, in, want string) {
		t.Helper()
		if got := normaliseMqadmin(command, in); got != want {
			t.Errorf("%s: %q becomes %q, want %q", command, in, got, want)
		}
	}
	f("x", "2> a.B: c\n2> \tat d.e(F.java:1)\n2> Caused by: g\n2> \t... 3 more\n2> ", "2> a.B: c\n2> Caused by: g")
	f("x", "a   b  \n2026-01-02 03:04:05,678 1970-01-01 00:00:00", "a b\n<time> 1970-01-01 00:00:00")
	f("x", "10.0.0.1@7#8 10.0.0.1@1767322445678 127.0.0.1@readers /127.0.0.1:5", "<client id> <client id> 127.0.0.1@readers <client>")
	f("brokerStatus", "putTps      : 0.00 1.5 2\nbrokerActive : true\n<server> key9 : -7", "putTps : <n>\nbrokerActive : true\n<server> key9 : <n>")
	f("clusterList", "DefaultCluster  broker-a 0 <server> V5_5_0 0.00(0,0ms) true", "DefaultCluster broker-a 0 <server> V5_5_0 <n>(<n>,<n>ms) true")
	f("topicList", "b\na\n", "a\nb")
	f("consumerProgress", "g 1 V5_5_0 PUSH CLUSTERING 3 4", "g 1 V5_5_0 PUSH CLUSTERING <n> 4")
}
