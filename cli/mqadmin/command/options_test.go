package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/commonscli"
)

// words takes a command line apart at blanks; an underscore is a blank within a word.
func words(line string) []string {
	out := strings.Fields(line)
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], "_", " ")
	}
	return out
}

func TestOptions(t *testing.T) {
	options := append(commonOptions(), need("t", "topic", ""), may("b", "brokerName", ""), may("bn", "brokerNamed", ""), flag("l", "list", ""), flag("c", "clusterModel", ""),
		may("", "attributes", ""), may("p", "print msg", ""))
	f := func(line string, want commonscli.Given, stray ...string) {
		t.Helper()
		got, gotStray, err := commonscli.Parse(options, ownOptions(), words(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
		if diff := cmp.Diff(stray, gotStray); diff != "" {
			t.Errorf("%s, what is no option (-want +got):\n%s", line, diff)
		}
	}
	f("", commonscli.Given{})
	f("-t Orders", commonscli.Given{"topic": "Orders"})
	f("-tOrders", commonscli.Given{"topic": "Orders"})
	f("-t=Orders", commonscli.Given{"topic": "Orders"})
	f("-topic Orders", commonscli.Given{"topic": "Orders"})
	f("-topic=Orders", commonscli.Given{"topic": "Orders"})
	f("-topicOrders", commonscli.Given{"topic": "Orders"})
	f("--topic Orders", commonscli.Given{"topic": "Orders"})
	f("--topic=Orders", commonscli.Given{"topic": "Orders"})
	f("--top Orders", commonscli.Given{"topic": "Orders"})
	f("-top Orders", commonscli.Given{"topic": "Orders"})
	f("-lc", commonscli.Given{"list": "", "clusterModel": ""})
	f("-lctOrders", commonscli.Given{"list": "", "clusterModel": "", "topic": "Orders"})
	f("-t -5", commonscli.Given{"topic": "-5"})
	f("-t -x", commonscli.Given{"topic": "-x"})
	f("-t - -l", commonscli.Given{"topic": "-", "list": ""})
	f(`-t "Orders"`, commonscli.Given{"topic": "Orders"})
	f(`-t "a"b"`, commonscli.Given{"topic": `"a"b"`})
	f("-t a -t b", commonscli.Given{"topic": "b"})
	f("-bn x", commonscli.Given{"brokerNamed": "x"})
	f("-b n", commonscli.Given{"brokerName": "n"})
	f("-n a:1;b:2 -t x", commonscli.Given{"namesrvAddr": "a:1;b:2", "topic": "x"})
	f("-attributes +a=b,-c", commonscli.Given{"attributes": "+a=b,-c"})
	f("--attributes=+a=b,-c", commonscli.Given{"attributes": "+a=b,-c"})
	f("-t Orders extra -l", commonscli.Given{"topic": "Orders", "list": ""}, "extra")
	f("-l -- -t x", commonscli.Given{"list": ""}, "-t", "x")
	f("-t Orders --json", commonscli.Given{"topic": "Orders", "json": ""})
	f("--timeout=3s -l", commonscli.Given{"timeout": "3s", "list": ""})
	f("--timeout 3s -l", commonscli.Given{"timeout": "3s", "list": ""})
	f("-tls", commonscli.Given{"topic": "ls"}) // -t, and not our --tls
}

func TestOptionsThatAreRefused(t *testing.T) {
	options := append(commonOptions(), need("t", "topic", ""), may("b", "brokerAddr", ""), may("x", "brokerName", ""), flag("l", "list", ""))
	f := func(line, want string) {
		t.Helper()
		_, _, err := commonscli.Parse(options, ownOptions(), words(line))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	f("-t", "Missing argument for option: t")
	f("-t -l", "Missing argument for option: t")
	f("-t --json", "Missing argument for option: t")
	f("-q", "Unrecognized option: -q")
	f("-q 1", "Unrecognized option: -q")
	f("--queue", "Unrecognized option: --queue")
	f("-lq", "Unrecognized option: -lq")
	f("--broker x", "Ambiguous option: '--broker'  (could be: 'brokerAddr', 'brokerName')")
	f("-l=x", "Unrecognized option: -l=x")
	f("--list=x", "Unrecognized option: --list=x")
	f("--json=x", "option --json has no value")
	f("--timeout", "Missing argument for option: timeout")
	f("--js", "Unrecognized option: --js")
}

func TestInvocations(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		_, err := Parse(words(line))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	f("topicList", "")
	f("TOPICLIST -c", "")
	f("querymsgtracebyid -i x", "")
	f("topicRoute", "Missing required option: t")
	f("updateKvConfig -k x", "Missing required options: s, v")
	f("brokerStatus", "Missing required option: [-b address of one broker, -c name of a cluster, for all of its masters]")
	f("brokerStatus -b x -c y", "The option 'c' was specified but an option from this group has already been selected: 'b'")
	f("topicLst", "The sub command topicLst not exist; did you mean topicList?")
	f("zzzzzz", "The sub command zzzzzz not exist")
	f("topicList --timeout x", `--timeout "x" is no time such as 10s`)
	f("topicList --timeout -1s", `--timeout "-1s" is no time such as 10s`)

	inv, err := Parse(words("updateSubGroup -n a:1;b:2 -b x -g billing --json --timeout 3s --tls-ca f"))
	if err != nil || !inv.JSON || inv.Timeout.Seconds() != 3 || inv.Certificates.TrustFile != "f" || inv.Group != "billing" || !cmp.Equal(inv.NameServers, []string{"a:1", "b:2"}) {
		t.Errorf("%+v, %v", inv, err)
	}
	for _, line := range []string{"", "help", "-h", "--help", "help topicList", "topicList -h", "topicRoute --help", "updateStaticTopic -h"} {
		if inv, err := Parse(words(line)); err != nil || inv.Help == "" {
			t.Errorf("%q: %+v, %v: want help", line, inv, err)
		}
	}
	if inv, err := Parse(words("clusterList -i 1")); err != nil || !inv.Endless {
		t.Errorf("with an interval: %+v, %v: want it endless", inv, err)
	}
}

// TestTheTableIsWhole looks for what a row must have, and for names that mean two things.
func TestTheTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range commands() {
		if name := strings.ToLower(cmd.name); seen[name] {
			t.Errorf("%s is there twice", cmd.name)
		} else {
			seen[name] = true
		}
		if cmd.about == "" {
			t.Errorf("%s has no description", cmd.name)
		}
		names := map[string]bool{"-h": true, "-n": true, "help": true, "namesrvAddr": true}
		for _, o := range cmd.options {
			for _, name := range []string{"-" + o.Short, o.Long} {
				if name != "-" && name != "" && names[name] {
					t.Errorf("%s has two options %s", cmd.name, name)
				}
				names[name] = true
			}
			if o.Text == "" {
				t.Errorf("%s: option %s is not described", cmd.name, o.Name())
			}
		}
		for _, names := range cmd.choices {
			for _, name := range names {
				commonscli.Find(cmd.options, name) // panics where there is none
			}
		}
		example := append([]string{cmd.name}, strings.Fields(cmd.example)...)
		if _, err := Parse(example); err != nil && cmd.refused == "" {
			t.Errorf("%s: its example is refused: %v", cmd.name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"topicList -c", "topicRoute -t Orders -l", "topicStatus --topic=Orders -c x", "updateTopic -b a -t=b -r8 -w 8 -o true",
		"electMaster -a x -b 1 -bn y", "printMsg -topic T --subEx 'a || b'", "help updateSubGroup", "x --", "topicList --timeout=1s --json -- a", "topicList --timeout="} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		inv, err := Parse(words(line))
		if (inv == nil) == (err == nil) {
			t.Fatalf("%q: %v and %v", line, inv, err)
		}
	})
}
