package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Kinds of expressions, as clients name them in expressionType. An empty kind means [Tag].
const (
	Tag   = "TAG"
	SQL92 = "SQL92"
)

// Limits of an expression; of one of tags only the length counts. Apache has none but the stack of its threads and the
// size of a frame.
const (
	// MaxLength is how many bytes an expression of either kind may have.
	MaxLength = 64 << 10
	// MaxDepth is how deep operators and parentheses may nest. A chain of ANDs or ORs is one level.
	MaxDepth = 256
	// MaxTerms is how many operators, properties and constants an expression may have; the list of an IN counts as one.
	MaxTerms = 2048
	// MaxVisits is how many operators, properties and constants one message may make the broker evaluate. They are more than the
	// expression has where BETWEENs nest, since one evaluates twice what stands before it. A long text counts as several.
	MaxVisits = 2 * MaxTerms
)

// What Compile refuses. Its errors wrap one of these and say what and where.
var (
	// ErrUnsupported is a kind of expression that this broker does not evaluate.
	ErrUnsupported = errors.New("expression type is not supported")
	// ErrSyntax is an expression that cannot be read.
	ErrSyntax = errors.New("expression cannot be read")
	// ErrLimit is an expression beyond a limit.
	ErrLimit = errors.New("expression is beyond a limit")
)

// Filter is a compiled expression. With tags it wants all messages, or those whose tags code is one of a few: the broker
// compares only the 32-bit hash of the tag; the client compares the text and drops what collided. With SQL92 it
// wants the messages for whose properties the expression is true.
type Filter struct {
	all    bool
	codes  []int32 // in the order of tags
	tags   []string
	sorted []int32  // the codes by size, where they are many
	sql    *program // nil with tags
}

// fewTags is how many tags are compared one by one; more are searched.
const fewTags = 8

// All is the filter of the expression "*".
func All() *Filter { return &Filter{all: true} }

// IsTag reports whether an expressionType means tags: empty or TAG, as RocketMQ reads it.
func IsTag(kind string) bool { return kind == "" || kind == Tag }

// Compile reads an expression of the given kind. Of tags, "", "*" and no expression at all mean every message; otherwise tags are
// joined by "||", and spaces around them do not count. An expression made of separators alone is an [ErrSyntax], and one above
// [MaxLength] an [ErrLimit].
func Compile(kind, expression string) (*Filter, error) {
	if kind == SQL92 {
		p, err := compileSQL(expression)
		if err != nil {
			return nil, err
		}
		return &Filter{sql: p}, nil
	}
	if !IsTag(kind) {
		return nil, fmt.Errorf("%w: %.40q, this broker evaluates %s and %s", ErrUnsupported, kind, Tag, SQL92)
	}
	if expression == "" || expression == "*" {
		return All(), nil
	}
	return compileTags(expression)
}

func compileTags(expression string) (*Filter, error) {
	if err := checkLength(expression); err != nil {
		return nil, err
	}
	if strings.Trim(expression, "|") == "" {
		return nil, fmt.Errorf("%w: %.80q names no tag", ErrSyntax, expression)
	}
	f := &Filter{}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(expression, "||") {
		tag := strings.TrimSpace(part)
		if tag == "" || seen[tag] {
			continue
		}
		seen[tag] = true
		f.tags = append(f.tags, tag)
		f.codes = append(f.codes, message.HashCode([]byte(tag)))
	}
	f.tags, f.codes = slices.Clip(f.tags), slices.Clip(f.codes)
	if len(f.codes) > fewTags {
		f.sorted = slices.Sorted(slices.Values(f.codes))
	}
	return f, nil
}

func checkLength(expression string) error {
	if len(expression) > MaxLength {
		return fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrLimit, len(expression), MaxLength)
	}
	return nil
}

// MatchesAll reports whether every message matches, so that nothing need be asked per message.
func (f *Filter) MatchesAll() bool { return f.all }

// ByProperties reports whether [Filter.MatchProperties] must be asked: the filter is SQL92.
func (f *Filter) ByProperties() bool { return f.sql != nil }

// Match reports whether a message with this tags code may be wanted; one without tags has code 0 and matches "*" only.
// With SQL92 every message may be wanted: the tags code says nothing about it.
func (f *Filter) Match(tagsCode int64) bool {
	if f.all || f.sql != nil {
		return true
	}
	if f.sorted != nil {
		_, found := slices.BinarySearch(f.sorted, int32(tagsCode))
		return found
	}
	return slices.Contains(f.codes, int32(tagsCode))
}

// MatchProperties reports whether an SQL92 expression is true for a message's properties; it is true for tags, which
// [Filter.Match] has judged. It allocates nothing.
func (f *Filter) MatchProperties(p message.Properties) bool { return f.sql == nil || f.sql.match(p) }

// Cost bounds the work of [Filter.MatchProperties]: about how many bytes it may have to look at for a message with so many bytes of
// properties. The broker ends a pull whose filter has cost too much.
func (f *Filter) Cost(propertyBytes int) int {
	if f.sql == nil {
		return 1
	}
	return f.sql.weight * (16 + propertyBytes)
}

// Ignored is the text behind the end of an SQL92 expression: as in Apache, "a = 1 b = 2" ends before b, and what follows
// counts for nothing. It is empty for nearly all expressions; the broker logs it where it is not.
func (f *Filter) Ignored() string {
	if f.sql == nil {
		return ""
	}
	return f.sql.ignored
}

// Tags are the tags of the expression in the order in which it names them, none for "*".
func (f *Filter) Tags() []string { return f.tags }

// Codes are the hashes of [Filter.Tags].
func (f *Filter) Codes() []int32 { return f.codes }
