package mqadmin

import (
	"testing"

	"github.com/aerobee-mq/aerobee/cli/mqadmin/command"
)

// TestEveryCommandDoesSomething holds the table of commands and what they do together.
func TestEveryCommandDoesSomething(t *testing.T) {
	all := runs()
	for _, name := range command.Names("") {
		inv, err := command.Parse([]string{"help", name})
		if err != nil || inv.Help == "" {
			t.Errorf("%s has no help: %v", name, err)
		}
		if run := all[name]; (run == nil) != command.IsRefused(name) {
			t.Errorf("%s does nothing, or is refused and does something", name)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is not in the table", name)
	}
}
