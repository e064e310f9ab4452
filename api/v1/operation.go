package v1

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Operation is one row of the table of what is served.
type Operation struct {
	ID     string // by which its handler is found
	Method string
	Path   string // with {names} of its path parameters
	Tag    string // what it is about
	About  string
	Params []Param
	Body   any    // a value of the type of the request's body, nil for none; it is the document's example, unless it is zero
	Answer any    // a value of the type of the answer's body; nil where Media says what comes
	Media  string // of an answer that is not a body of this package
	Here   bool   // for administrators only, as package auth/access says: set by [Operations]
}

// Kinds of parameters.
const (
	text    = "string"
	integer = "integer"
	boolean = "boolean"
	moment  = "date-time"
)

// Param is a parameter in the path or the query. The bounds are checked before the operation is carried out.
type Param struct {
	Name     string
	About    string
	InPath   bool
	Required bool
	Kind     string // string, integer, boolean, date-time
	Default  string
	Min, Max int64 // of an integer
	MaxLen   int   // of a text, in letters
	Pattern  string
	Choices  []string

	legal *regexp.Regexp // of Pattern
}

// Values are the parameters of one request, checked.
type Values map[string]string

// Text is a parameter's value, "" if it was not given.
func (v Values) Text(name string) string { return v[name] }

// Has reports whether a parameter was given, or has a default.
func (v Values) Has(name string) bool { return v[name] != "" }

// Int is the value of an integer, 0 if it was not given.
func (v Values) Int(name string) int64 {
	n, _ := strconv.ParseInt(v[name], 10, 64) // checked
	return n
}

// Bool is the value of a boolean, false if it was not given.
func (v Values) Bool(name string) bool { return v[name] == "true" }

// Time is the value of a date-time, the zero time if it was not given.
func (v Values) Time(name string) time.Time {
	t, _ := ParseTime(v[name]) // checked
	return t
}

// ParseTime reads a time as RFC 3339 has it; of its letters case does not count.
func ParseTime(text string) (time.Time, error) {
	return time.Parse(time.RFC3339Nano, strings.ToUpper(text))
}

// Segments are the parts of the path between its slashes.
func (o *Operation) Segments() []string { return strings.Split(strings.Trim(o.Path, "/"), "/") }

// Match returns the path parameters when segments, as [Operation.Segments] of a request, are those of the operation.
func (o *Operation) Match(pattern, segments []string) (Values, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	var v Values
	for i, p := range pattern {
		name, named := strings.CutPrefix(p, "{")
		if !named {
			if p != segments[i] {
				return nil, false
			}
			continue
		}
		if v == nil {
			v = Values{}
		}
		v[strings.TrimSuffix(name, "}")] = segments[i]
	}
	return v, true
}

// Query checks the parameters of a request: those in the path as Match found them, and the query. The error names the parameter and its rule.
func (o *Operation) Query(path Values, query url.Values) (Values, error) {
	out := Values{}
	for name := range query {
		if !slices.ContainsFunc(o.Params, func(p Param) bool { return !p.InPath && p.Name == name }) {
			return nil, fmt.Errorf("there is no parameter %.60q%s", name, o.names())
		}
	}
	for i := range o.Params {
		p := &o.Params[i]
		value, given := path[p.Name], p.InPath
		if !p.InPath {
			list := query[p.Name]
			if len(list) > 1 {
				return nil, fmt.Errorf("%s is given %d times, it may be given once", p.Name, len(list))
			}
			if given = len(list) == 1; given {
				value = list[0]
			}
		}
		switch {
		case !given && p.Required:
			return nil, fmt.Errorf("%s is missing: %s", p.Name, p.About)
		case !given:
			value = p.Default
		default:
			if err := p.check(value); err != nil {
				return nil, err
			}
		}
		if value != "" {
			out[p.Name] = value
		}
	}
	return out, nil
}

func (o *Operation) names() string {
	var names []string
	for _, p := range o.Params {
		if !p.InPath {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return ", and none may be given"
	}
	return "; there are " + strings.Join(names, ", ")
}

// check holds a value that was given against the parameter's bounds.
func (p *Param) check(value string) error {
	switch p.Kind {
	case integer:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < p.Min || n > p.Max || strconv.FormatInt(n, 10) != value {
			return fmt.Errorf("%s is %.60q, it must be a whole number, %d to %d", p.Name, value, p.Min, p.Max)
		}
	case boolean:
		if value != "true" && value != "false" {
			return fmt.Errorf("%s is %.60q, it must be true or false", p.Name, value)
		}
	case moment:
		if _, err := ParseTime(value); err != nil {
			return fmt.Errorf("%s is %.60q, it must be a time as 2026-01-31T15:04:05Z", p.Name, value)
		}
	default:
		if !utf8.ValidString(value) {
			return fmt.Errorf("%s is not UTF-8 text", p.Name)
		}
		if n := utf8.RuneCountInString(value); n > p.MaxLen {
			return fmt.Errorf("%s has %d letters, at most %d are allowed", p.Name, n, p.MaxLen)
		}
		if len(p.Choices) > 0 && !slices.Contains(p.Choices, value) {
			return fmt.Errorf("%s is %.60q, it must be one of %s", p.Name, value, strings.Join(p.Choices, ", "))
		}
		if p.legal != nil && !p.legal.MatchString(value) {
			return fmt.Errorf("%s is %.60q, it must be as %s", p.Name, value, p.Pattern)
		}
	}
	return nil
}
