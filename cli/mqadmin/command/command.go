// Package command is the table of mqadmin's commands, and understands their command lines. It owns names, options and help; what a command does
// is package mqadmin's. It is pure, and all of it may be called at once.
package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/internal/certificate"
	"github.com/aerobee-mq/aerobee/internal/commonscli"
	"github.com/aerobee-mq/aerobee/internal/editdist"
)

type option = commonscli.Option

// command is one row of the table.
type command struct {
	name    string
	alias   string
	about   string
	options []option
	choices [][]string // sets of long names of which exactly one is given
	example string
	refused string // why it is not for Aerobee
	endless bool   // it runs until it is interrupted; others do where they have an interval
}

// Invocation is a command line that has been understood.
type Invocation struct {
	// Help is what to print instead of running, "" for none.
	Help string
	// Name is the command's.
	Name string
	// Refusal is why the command is not for Aerobee, "" for those that are.
	Refusal string
	// Given are the command's options by their long names.
	Given commonscli.Given
	// NameServers is -n, or empty: the default's.
	NameServers []string
	// Timeout bounds each request, and all of a command that is not Endless.
	Timeout time.Duration
	// Endless tells that the command goes on until it is interrupted.
	Endless bool
	// JSON is --json.
	JSON bool
	// TLS tells to encrypt connections, as Certificates says.
	TLS          bool
	Certificates certificate.Visitor
	// Credentials is --credentials, "" without it.
	Credentials string
	// Topic and Group are what the command is about, for the hints of errors; "" for none.
	Topic, Group string
	// Ignored are words of the command line that mean nothing: mqadmin passes over them, whoever prints may say so.
	Ignored []string
}

// commonOptions are those that every command of mqadmin has.
func commonOptions() []option {
	return []option{
		{Short: "h", Long: "help", Text: "Print help"},
		{Short: "n", Long: "namesrvAddr", Value: "arg", Text: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'"},
	}
}

// ownOptions are those that mqadmin does not have.
func ownOptions() []option {
	return []option{
		{Long: "json", Text: "Print JSON"},
		{Long: "timeout", Value: "duration", Text: "Give up after so long, default 10s"},
		{Long: "tls", Text: "Encrypt connections to the server"},
		{Long: "tls-ca", Value: "file", Text: "PEM file with who may have issued the server's certificate"},
		{Long: "tls-cert", Value: "file", Text: "PEM file with a certificate to show the server"},
		{Long: "tls-key", Value: "file", Text: "PEM file with its key"},
		{Long: "tls-skip-verify", Text: "Take any certificate"},
		{Long: "credentials", Value: "file", Text: "Sign as the user of this file, which is like tools.yml"},
	}
}

const defaultTimeout = 10 * time.Second

// Parse understands a command line, its command first. Its errors are about the command line alone.
func Parse(words []string) (*Invocation, error) {
	if len(words) == 0 || len(words) == 1 && (words[0] == "help" || words[0] == "-h" || words[0] == "--help") {
		return &Invocation{Help: overview()}, nil
	}
	wantsHelp := words[0] == "help"
	if wantsHelp {
		words = words[1:]
	}
	cmd, err := find(words[0])
	if err != nil {
		return nil, err
	}
	for _, w := range words[1:] {
		wantsHelp = wantsHelp || w == "-h" || w == "--help" || w == "-help"
	}
	if wantsHelp {
		return &Invocation{Help: cmd.help()}, nil
	}
	inv := &Invocation{Name: cmd.name, Endless: cmd.endless, Timeout: defaultTimeout}
	if cmd.refused != "" {
		inv.Refusal = cmd.refusal()
		return inv, nil // whatever the options: that is what one has to know
	}
	if inv.Given, inv.Ignored, err = commonscli.Parse(append(commonOptions(), cmd.options...), ownOptions(), words[1:]); err != nil {
		return nil, err
	}
	if err := commonscli.Check(cmd.options, cmd.choices, inv.Given); err != nil {
		return nil, err
	}
	if _, again := inv.Given["interval"]; again {
		inv.Endless = true
	}
	if err := inv.take(); err != nil {
		return nil, err
	}
	return inv, nil
}

// take reads the options that all commands have.
func (inv *Invocation) take() error {
	g := inv.Given
	inv.NameServers = append(inv.NameServers, strings.FieldsFunc(g["namesrvAddr"], func(r rune) bool { return r == ';' || r == ' ' })...)
	if text, ok := g["timeout"]; ok {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("--timeout %q is no time such as 10s", text)
		}
		inv.Timeout = d
	}
	_, inv.JSON = g["json"]
	_, inv.TLS = g["tls"]
	_, unverified := g["tls-skip-verify"]
	inv.Certificates = certificate.Visitor{TrustFile: g["tls-ca"], CertFile: g["tls-cert"], KeyFile: g["tls-key"], Unverified: unverified}
	inv.Credentials = g["credentials"]
	for _, name := range []string{"topic", "topicName"} {
		if v := strings.TrimSpace(g[name]); v != "" {
			inv.Topic = v
		}
	}
	for _, name := range []string{"group", "groupName", "consumerGroup"} {
		if v := strings.TrimSpace(g[name]); v != "" {
			inv.Group = v
		}
	}
	return nil
}

// find is the command of that name, in whatever case, as mqadmin finds it.
func find(name string) (*command, error) {
	all := commands()
	for i := range all {
		if strings.EqualFold(all[i].name, name) || all[i].alias != "" && strings.EqualFold(all[i].alias, name) {
			return &all[i], nil
		}
	}
	text := fmt.Sprintf("The sub command %s not exist", name)
	if near := nearest(name, all); near != "" {
		text += "; did you mean " + near + "?"
	}
	return nil, errors.New(text)
}

// nearest is the command whose name differs least, "" if none is near.
func nearest(name string, all []command) string {
	best, least := "", (len(name)+2)/3+1
	for i := range all {
		if d := editdist.Between(strings.ToLower(name), strings.ToLower(all[i].name)); d < least {
			best, least = all[i].name, d
		}
	}
	return best
}

// Names are the names of the commands that begin so.
func Names(begun string) []string {
	var out []string
	for _, cmd := range commands() {
		if strings.HasPrefix(cmd.name, begun) {
			out = append(out, cmd.name)
		}
	}
	return out
}

// IsRefused tells whether a command is one of those that are not for Aerobee.
func IsRefused(name string) bool {
	cmd, err := find(name)
	return err == nil && cmd.refused != ""
}
