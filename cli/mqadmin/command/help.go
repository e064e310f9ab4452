package command

import (
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/internal/commonscli"
)

// overview is the list of all commands.
func overview() string {
	var out strings.Builder
	out.WriteString("RocketMQ's mqadmin commands, for Aerobee and Apache RocketMQ clusters:\n")
	all := commands()
	for i := range all {
		if all[i].refused == "" {
			fmt.Fprintf(&out, "   %-35s %s\n", all[i].name, all[i].about)
		}
	}
	out.WriteString("\nThese are not for Aerobee and say so:\n")
	for i := range all {
		if all[i].refused != "" {
			fmt.Fprintf(&out, "   %-35s %s\n", all[i].name, all[i].about)
		}
	}
	out.WriteString("\nSee 'aerobee admin help <command>' for more information on a specific command.\n" +
		"Example:\n  aerobee admin topicRoute -n 127.0.0.1:9876 -t Orders\n")
	return out.String()
}

// help is what there is to know of one command.
func (cmd *command) help() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\nusage: aerobee admin %s%s\n", cmd.about, cmd.name, cmd.usage())
	list := func(options []option) {
		for i := range options {
			o := &options[i]
			name := "-" + o.Short
			switch {
			case o.Short == "":
				name = "    --" + o.Long
			case o.Long != "":
				name += ",--" + o.Long
			}
			if o.Value != "" {
				name += " <" + o.Value + ">"
			}
			fmt.Fprintf(&out, " %-38s %s\n", name, o.Text)
		}
	}
	list(append(commonOptions(), cmd.options...))
	out.WriteString("beside mqadmin's:\n")
	list(ownOptions())
	if cmd.refused != "" {
		fmt.Fprintf(&out, "\n%s\n", cmd.refusal())
		return out.String()
	}
	fmt.Fprintf(&out, "\nExamples:\n  aerobee admin %s%s\n  aerobee admin %s%s --json\n", cmd.name, cmd.example, cmd.name, cmd.example)
	return out.String()
}

// usage lists the options in mqadmin's way: what may be left out stands in brackets, choices have bars between them.
func (cmd *command) usage() string {
	chosen := map[string]bool{}
	var words []string
	word := func(o *option) string {
		text := "-" + o.Short
		if o.Short == "" {
			text = "--" + o.Long
		}
		if o.Value != "" {
			text += " <" + o.Value + ">"
		}
		return text
	}
	for _, names := range cmd.choices {
		var choices []string
		for _, name := range names {
			chosen[name] = true
			choices = append(choices, word(commonscli.Find(cmd.options, name)))
		}
		words = append(words, strings.Join(choices, " | "))
	}
	all := append(commonOptions(), cmd.options...)
	for i := range all {
		switch o := &all[i]; {
		case chosen[o.Name()]:
		case o.Needed:
			words = append(words, word(o))
		default:
			words = append(words, "["+word(o)+"]")
		}
	}
	return " " + strings.Join(words, " ")
}

// refusal is the one line of a command that is not for Aerobee.
func (cmd *command) refusal() string {
	return fmt.Sprintf("%s is not for Aerobee: %s", cmd.name, cmd.refused)
}
