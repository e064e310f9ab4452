// Package commonscli reads command lines as Apache's commons-cli does, for tools that must understand what people type into Java programs. It
// owns the reading alone: which options there are, and what they mean, is its caller's. Everything here is safe to call at once.
package commonscli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Option is one option of a command: -short, or -long or --long. Either name may be missing.
type Option struct {
	Short, Long string
	Value       string // what help calls its value; "" for an option without one
	Needed      bool
	Text        string // what it is for
}

// Name is what values are kept under: the long name, if there is one.
func (o *Option) Name() string {
	if o.Long != "" {
		return o.Long
	}
	return o.Short
}

// Given are the options of a command line by name. One without a value has "".
type Given map[string]string

// parser reads options as commons-cli's DefaultParser does, long names with one
// hyphen, beginnings of long names as far as they are unambiguous, values behind blanks, behind = and, of short options, without anything in between,
// several short options in one word. A value may begin with a hyphen if it is no option.
type parser struct {
	options []Option
	out     Given
	stray   []string // words that are no options
	open    *Option  // waits for its value
}

// Parse reads words; stray are those that are no options, which commons-cli passes over. own are options that the Java program does not
// have: they are taken by their whole name behind two hyphens alone, so that whatever it understands means the same here. Errors have
// commons-cli's texts.
func Parse(options, own []Option, words []string) (out Given, stray []string, err error) {
	p := parser{options: options, out: Given{}}
	for i, word := range words {
		if word == "--" {
			p.stray = append(p.stray, words[i+1:]...)
			break
		}
		if o, value, has := ownOption(own, word); o != nil {
			if err := p.done(); err != nil {
				return nil, nil, err
			}
			p.begin(o)
			if has && o.Value == "" {
				return nil, nil, fmt.Errorf("option --%s has no value", o.Long)
			}
			if has {
				p.end(value)
			}
			continue
		}
		if err := p.word(word); err != nil {
			return nil, nil, err
		}
	}
	return p.out, p.stray, p.done()
}

func ownOption(own []Option, word string) (o *Option, value string, has bool) {
	name, double := strings.CutPrefix(word, "--")
	if !double {
		return nil, "", false
	}
	name, value, has = strings.Cut(name, "=")
	for i := range own {
		if own[i].Long == name {
			return &own[i], value, has
		}
	}
	return nil, "", false
}

// begin notes an option; what comes next may be its value.
func (p *parser) begin(o *Option) {
	p.out[o.Name()] = ""
	p.open = nil
	if o.Value != "" {
		p.open = o
	}
}

// end gives the open option its value.
func (p *parser) end(value string) {
	p.out[p.open.Name()] = value
	p.open = nil
}

// done is told before the next option and at the end of the line: no option may wait for its value then.
func (p *parser) done() error {
	if p.open == nil {
		return nil
	}
	//lint:ignore ST1005 these are the words of the library that mqadmin uses
	return fmt.Errorf("Missing argument for option: %s", shown(p.open))
}

// shown is an option's name as errors have it.
func shown(o *Option) string {
	if o.Short != "" {
		return o.Short
	}
	return o.Long
}

func (p *parser) word(word string) error {
	switch {
	case p.open != nil && (!p.isOption(word) || isNegative(word)):
		p.end(unquoted(word))
		return nil
	case strings.HasPrefix(word, "--"):
		if err := p.done(); err != nil {
			return err
		}
		return p.longWord(word)
	case strings.HasPrefix(word, "-") && word != "-":
		if err := p.done(); err != nil {
			return err
		}
		return p.shortWord(word)
	}
	p.stray = append(p.stray, word)
	return nil
}

// isOption tells whether a word would be taken for an option where a value is expected.
func (p *parser) isOption(word string) bool {
	name := strings.TrimLeft(word, "-")
	if !strings.HasPrefix(word, "-") || word == "-" {
		return false
	}
	name, _, _ = strings.Cut(name, "=")
	if len(p.matching(name)) > 0 {
		return true
	}
	if strings.HasPrefix(word, "--") {
		return false
	}
	return name != "" && (p.byShort(name) != nil || p.byShort(name[:1]) != nil) || p.prefixLong(name) != nil
}

func isNegative(word string) bool {
	digits, negative := strings.CutPrefix(word, "-")
	whole, frac, _ := strings.Cut(digits, ".")
	all := whole + frac
	return negative && all != "" && strings.Trim(all, "0123456789") == ""
}

// unquoted takes the quotes off that went through a shell, or a script, once too often.
func unquoted(text string) string {
	if n := len(text); n > 1 && text[0] == '"' && text[n-1] == '"' && !strings.Contains(text[1:n-1], `"`) {
		return text[1 : n-1]
	}
	return text
}

func (p *parser) byShort(name string) *Option {
	i := slices.IndexFunc(p.options, func(o Option) bool { return o.Short != "" && o.Short == name })
	if i < 0 {
		return nil
	}
	return &p.options[i]
}

// matching are the options whose long name is the given one, or else begins so.
func (p *parser) matching(name string) (out []*Option) {
	if name == "" {
		return nil
	}
	for i := range p.options {
		o := &p.options[i]
		if o.Long == name {
			return []*Option{o}
		}
		if strings.HasPrefix(o.Long, name) {
			out = append(out, o)
		}
	}
	return out
}

// prefixLong is the option whose long name the word begins with, its value behind it: -topicOrders.
func (p *parser) prefixLong(word string) *Option {
	for n := len(word) - 2; n > 1; n-- {
		for i := range p.options {
			if p.options[i].Long == word[:n] {
				return &p.options[i]
			}
		}
	}
	return nil
}

func unknown(word string) error {
	return errors.New("Unrecognized option: " + word)
}

// longWord reads --name, --name=value, or one of them with one hyphen.
func (p *parser) longWord(word string) error {
	name, value, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
	found := p.matching(name)
	switch {
	case len(found) == 0:
		return unknown(word)
	case len(found) > 1:
		var names []string
		for _, o := range found {
			names = append(names, "'"+o.Long+"'")
		}
		//lint:ignore ST1005 these are the words of the library that mqadmin uses
		return fmt.Errorf("Ambiguous option: '%s'  (could be: %s)", word, strings.Join(names, ", "))
	case has && found[0].Value == "":
		return unknown(word)
	}
	p.begin(found[0])
	if has {
		p.end(value)
	}
	return nil
}

// shortWord reads a word with one hyphen.
func (p *parser) shortWord(word string) error {
	name, value, has := strings.Cut(word[1:], "=")
	o := p.byShort(name)
	switch {
	case has && len(name) == 1:
		if o == nil || o.Value == "" {
			return unknown(word)
		}
		p.begin(o)
		p.end(value)
	case has:
		return p.longWord(word)
	case o != nil:
		p.begin(o)
	case len(name) > 1 && len(p.matching(name)) > 0:
		return p.longWord(word)
	default:
		if o := p.prefixLong(name); o != nil && o.Value != "" {
			p.begin(o)
			p.end(name[len(o.Long):])
			return nil
		}
		return p.joined(word)
	}
	return nil
}

// joined reads several short options in one word, or one and its value: -lc, -tOrders.
func (p *parser) joined(word string) error {
	for i := 1; i < len(word); i++ {
		o := p.byShort(word[i : i+1])
		if o == nil {
			return unknown(word)
		}
		p.begin(o)
		if o.Value != "" && i+1 < len(word) {
			p.end(word[i+1:])
			return nil
		}
	}
	return nil
}

// Check finds options that are missing, and choices of which two were made: of each set of names exactly one is to be given.
func Check(options []Option, choices [][]string, g Given) error {
	var missing []string
	for i := range options {
		if o := &options[i]; o.Needed {
			if _, ok := g[o.Name()]; !ok {
				missing = append(missing, shown(o))
			}
		}
	}
	for _, names := range choices {
		var chosen, texts []string
		for _, name := range names {
			o := Find(options, name)
			texts = append(texts, "-"+shown(o)+" "+o.Text)
			if _, ok := g[name]; ok {
				chosen = append(chosen, shown(o))
			}
		}
		switch {
		case len(chosen) > 1:
			//lint:ignore ST1005 these are the words of the library that mqadmin uses
			return fmt.Errorf("The option '%s' was specified but an option from this group has already been selected: '%s'", chosen[1], chosen[0])
		case len(chosen) == 0:
			missing = append(missing, "["+strings.Join(texts, ", ")+"]")
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		//lint:ignore ST1005 these are the words of the library that mqadmin uses
		return fmt.Errorf("Missing required option: %s", missing[0])
	}
	//lint:ignore ST1005 these are the words of the library that mqadmin uses
	return fmt.Errorf("Missing required options: %s", strings.Join(missing, ", "))
}

// Find is the option of that name, which must be there.
func Find(options []Option, name string) *Option {
	for i := range options {
		if options[i].Name() == name {
			return &options[i]
		}
	}
	panic("BUG: there is no option " + name)
}
