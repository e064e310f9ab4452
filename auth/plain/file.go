package plain

import (
	"fmt"
	"strings"
)

// file is a file as it is written: the part of YAML that such files use.
//
//	globalWhiteRemoteAddresses:
//	  - 10.0.0.*
//	accounts:
//	  - accessKey: alice
//	    secretKey: 'a secret'
//	    admin: false
//	    topicPerms:
//	      - orders=PUB|SUB
type file struct {
	white    []string
	accounts []account
}

type account struct {
	line  int
	text  map[string]string
	lists map[string][]string
}

// reading is the state between two lines.
type reading struct {
	file
	top  string // the key at the margin
	dash int    // where the dashes of accounts stand, -1 before the first
	key  string // of the list that goes on, "" for none
}

func parse(text string) (*file, error) {
	r := reading{dash: -1}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		body := strings.TrimSpace(strip(line))
		if body == "" || body == "---" || body == "..." {
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if line[indent] == '\t' {
			return nil, fmt.Errorf("line %d begins with a tab", n)
		}
		if err := r.take(n, indent, body); err != nil {
			return nil, err
		}
	}
	return &r.file, nil
}

func (r *reading) take(n, indent int, body string) error {
	item, isItem := strings.CutPrefix(body, "-")
	isItem = isItem && (item == "" || item[0] == ' ')
	switch {
	case indent == 0 && !isItem:
		name, value, ok := pair(body)
		if !ok {
			return fmt.Errorf("line %d is neither KEY: VALUE nor an item of a list", n)
		}
		r.top, r.dash, r.key = name, -1, ""
		if name == "globalWhiteRemoteAddresses" {
			r.white = append(r.white, values(value)...)
		}
		return nil
	case r.top == "globalWhiteRemoteAddresses" && isItem:
		r.white = append(r.white, scalar(item))
		return nil
	case r.top == "accounts":
		return r.account(n, indent, item, isItem, body)
	case r.top == "":
		return fmt.Errorf("line %d stands under no key", n)
	}
	return nil // of a key that is none of ours
}

// account takes a line under accounts.
func (r *reading) account(n, indent int, item string, isItem bool, body string) error {
	if isItem && (r.dash < 0 || indent <= r.dash) {
		if r.dash >= 0 && indent < r.dash {
			return fmt.Errorf("line %d stands further to the left than the account before", n)
		}
		r.dash, r.key = indent, ""
		r.accounts = append(r.accounts, account{line: n, text: map[string]string{}, lists: map[string][]string{}})
		if body = strings.TrimSpace(item); body == "" {
			return nil
		}
		isItem = false
	}
	if r.dash < 0 {
		return fmt.Errorf("line %d: accounts is a list: its items begin with a dash", n)
	}
	a := &r.accounts[len(r.accounts)-1]
	if isItem {
		if r.key == "" {
			return fmt.Errorf("line %d is an item of no list", n)
		}
		a.lists[r.key] = append(a.lists[r.key], scalar(item))
		return nil
	}
	name, value, ok := pair(body)
	if !ok || indent < r.dash {
		return fmt.Errorf("line %d is neither KEY: VALUE nor an item of a list", n)
	}
	r.key = ""
	switch {
	case value == "":
		r.key = name
	case strings.HasPrefix(value, "["):
		a.lists[name] = values(value)
	default:
		a.text[name] = scalar(value)
	}
	return nil
}

// pair reads KEY: VALUE.
func pair(body string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(body, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	return name, value, ok && name != ""
}

// values reads [a, b].
func values(text string) (out []string) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		if one := scalar(text); one != "" {
			out = append(out, one)
		}
		return out
	}
	for one := range strings.SplitSeq(strings.TrimSuffix(inner, "]"), ",") {
		if one = scalar(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// scalar is a text without the quotes around it.
func scalar(text string) string {
	text = strings.TrimSpace(text)
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}

// strip is a line without its comment, which begins with a # at the margin or behind a space, outside of quotes.
func strip(line string) string {
	quote := byte(0)
	for i := range len(line) {
		c := line[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '\'' || c == '"') && i > 0 && line[i-1] == ' ':
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' '):
			return line[:i]
		}
	}
	return line
}
