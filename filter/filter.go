package filter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Kinds of expressions, as clients name them in expressionType. An empty kind means [Tag].
const (
	Tag   = "TAG"
	SQL92 = "SQL92"
)

// ErrUnsupported is wrapped by [Compile] for a kind of expression that this broker does not evaluate.
var ErrUnsupported = errors.New("expression type is not supported")

// ErrSyntax is wrapped by [Compile] for an expression that cannot be read.
var ErrSyntax = errors.New("expression cannot be read")

// Filter is a compiled tag expression: all messages, or those whose tags code is one of a few. The broker compares only
// the 32-bit hash of the tag; the client compares the text and drops what collided.
type Filter struct {
	all   bool
	codes []int32
	tags  []string
}

// All is the filter of the expression "*".
func All() *Filter { return &Filter{all: true} }

// IsTag reports whether an expressionType means tags: empty or TAG, as RocketMQ reads it.
func IsTag(kind string) bool { return kind == "" || kind == Tag }

// Compile reads an expression of the given kind. "", "*" and no expression at all mean every message; otherwise tags are
// joined by "||", and spaces around them do not count. An expression made of separators alone is an [ErrSyntax].
func Compile(kind, expression string) (*Filter, error) {
	if !IsTag(kind) {
		return nil, fmt.Errorf("%w: %.40q, this broker evaluates %s", ErrUnsupported, kind, Tag)
	}
	if expression == "" || expression == "*" {
		return All(), nil
	}
	if strings.Trim(expression, "|") == "" {
		return nil, fmt.Errorf("%w: %.80q names no tag", ErrSyntax, expression)
	}
	f := &Filter{}
	for part := range strings.SplitSeq(expression, "||") {
		if tag := strings.TrimSpace(part); tag != "" {
			f.add(tag)
		}
	}
	return f, nil
}

func (f *Filter) add(tag string) {
	code := message.HashCode([]byte(tag))
	for _, have := range f.tags {
		if have == tag {
			return
		}
	}
	f.tags = append(f.tags, tag)
	f.codes = append(f.codes, code)
}

// MatchesAll reports whether every message matches, so that nothing need be asked per message.
func (f *Filter) MatchesAll() bool { return f.all }

// Match reports whether a message with this tags code is wanted; a message without tags has code 0 and matches "*" only.
func (f *Filter) Match(tagsCode int64) bool {
	if f.all {
		return true
	}
	for _, c := range f.codes {
		if c == int32(tagsCode) {
			return true
		}
	}
	return false
}

// Tags are the tags of the expression in the order in which it names them, none for "*".
func (f *Filter) Tags() []string { return f.tags }

// Codes are the hashes of [Filter.Tags].
func (f *Filter) Codes() []int32 { return f.codes }
