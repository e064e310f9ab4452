package config

import (
	"fmt"
	"slices"
	"strings"
)

// Reference is the reference of all settings as Markdown: docs/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	b.WriteString("| setting | default | unit | while it runs | RocketMQ has it | meaning |\n|---|---|---|---|---|---|\n")
	usual := Default()
	for _, k := range Keys() {
		if !k.Effective {
			continue
		}
		value := "–"
		if v := k.get(&usual); v != "" {
			value = "`" + v + "`"
		}
		if k.Name == "brokerName" {
			value = "the host's name"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", k.Name, value, cell(k.Unit), yes(slices.Contains(Live(), k.Name), "changes"), yes(k.Apache, "yes"), cell(k.Doc))
	}
	b.WriteString(withoutHead)
	for _, k := range Keys() {
		if !k.Effective {
			fmt.Fprintf(&b, "| `%s` | %s |\n", k.Name, cell(k.Doc))
		}
	}
	fmt.Fprintf(&b, "\nBeside these, Aerobee knows the names of %d further keys of RocketMQ 5.5.0, says of each that is set that it has no effect, and goes on.\n", furtherKeys())
	return b.String()
}

const referenceHead = `# Configuration

Made from the table of all keys (config/keys.go) by ` + "`make generate`" + `; ` + "`aerobee config`" + ` prints it, ` + "`aerobee status`" + ` what a running node has and where each value comes from.

A setting is given, each over those before it,
1. in a file, ` + "`aerobee serve -c broker.conf`" + `: ` + "`flushDiskType=ASYNC_FLUSH`" + `, a line each; a RocketMQ broker's file will do;
2. in the environment: ` + "`AEROBEE_FLUSH_DISK_TYPE=ASYNC_FLUSH`" + `; ` + "`NAMESRV_ADDR`" + ` is read too;
3. with ` + "`--set flushDiskType=ASYNC_FLUSH`" + `, or with its own flag where there is one (` + "`aerobee serve --help`" + `).

Case does not matter. Bytes may be written as ` + "`64k`, `256MB` or `1g`" + ` (powers of 1024), times as a number of the unit or as ` + "`90s` or `72h`" + `, lists with
semicolons or commas. What changes while the node runs is changed with ` + "`aerobee admin updateBrokerConfig`" + ` or RocketMQ's own tool, and stays so after a restart.
A key that is unknown is named in the log with the nearest known one; a value that cannot be stops the start, with the rule.

## Settings
Settings that RocketMQ has, have its names.

`

const withoutHead = `
## Keys of RocketMQ that have no effect
They may stay in a file: each is named in the log, with this reason.

| key | why it has no effect |
|---|---|
`

func yes(is bool, word string) string {
	if is {
		return word
	}
	return ""
}

// cell is a text as a cell of a table takes it.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// furtherKeys counts the keys of RocketMQ that stand in no row of the table.
func furtherKeys() int {
	rows := map[string]bool{}
	for _, k := range Keys() {
		rows[strings.ToLower(k.Name)] = true
	}
	n := 0
	for name := range strings.FieldsSeq(apacheNames) {
		if !rows[strings.ToLower(name)] {
			n++
		}
	}
	return n
}
