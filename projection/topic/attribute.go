package topic

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Names of the topic attributes. Source: TopicAttributes of RocketMQ 5.5.
const (
	AttrQueueType      = "queue.type"
	AttrCleanupPolicy  = "cleanup.policy"
	AttrMessageType    = "message.type"
	AttrReserveTime    = "reserve.time"
	AttrLiteExpiration = "lite.topic.expiration"
)

// Names of topic attributes that RocketMQ does not have: how long the topic's messages are kept, in milliseconds, and how many bytes of
// them. See package store/reserve.
const (
	AttrReserveMillis = "reserve.time.ms"
	AttrReserveBytes  = "reserve.bytes"
)

// attribute is the rule of one attribute: one of some words, or a number within bounds.
type attribute struct {
	changeable bool
	words      []string
	min, max   int64
}

func attributeNamed(name string) (attribute, bool) {
	switch name {
	case AttrQueueType:
		return attribute{words: []string{"BatchCQ", "SimpleCQ"}}, true
	case AttrCleanupPolicy:
		return attribute{words: []string{"COMPACTION", "DELETE"}}, true
	case AttrMessageType:
		return attribute{changeable: true, words: []string{"DELAY", "FIFO", "LITE", "MIXED", "NORMAL", "PRIORITY", "TRANSACTION", "UNSPECIFIED"}}, true
	case AttrReserveTime, AttrReserveMillis, AttrReserveBytes, "send.quota.messages", "send.quota.bytes":
		return attribute{changeable: true, min: -1, max: math.MaxInt64}, true
	case AttrLiteExpiration:
		return attribute{changeable: true, min: -1, max: 30 * 24 * 60}, true // minutes
	}
	return attribute{}, false
}

func (a attribute) verify(value string) error {
	if a.words != nil {
		if !slices.Contains(a.words, value) {
			return remark(fmt.Sprintf("value is not in set: [%s]", strings.Join(a.words, ", ")))
		}
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return remark(fmt.Sprintf("For input string: %q", value))
	}
	if n < a.min || n > a.max {
		return remark(fmt.Sprintf("value is not in range(%d, %d)", a.min, a.max))
	}
	return nil
}

// ParseAttributes reads the text form of an attribute change, "+name=value,-name", as request 17 carries it. The names in
// the result keep their sign, as in the JSON form of the request; [AlterAttributes] takes them so. An empty text is no
// change. Like Java's splitting, it drops what follows a second equals sign and ignores commas at the end.
func ParseAttributes(text string) (map[string]string, error) {
	out := make(map[string]string)
	text = strings.TrimRight(text, ",")
	if text == "" {
		return out, nil
	}
	for _, item := range strings.Split(text, ",") {
		name, value, found := strings.Cut(item, "=")
		if found {
			value, _, _ = strings.Cut(value, "=")
			if value == "" {
				return nil, remark(fmt.Sprintf("add/alter attribute has no value: %s", item))
			}
			if !strings.Contains(name, "+") {
				return nil, remark(fmt.Sprintf("add/alter attribute format is wrong: %s", name))
			}
		} else if !strings.Contains(name, "-") {
			return nil, remark(fmt.Sprintf("delete attribute format is wrong: %s", name))
		}
		if _, twice := out[name]; twice {
			return nil, remark(fmt.Sprintf("key duplication: %s", name))
		}
		out[name] = value
	}
	return out, nil
}

// FormatAttributes is the inverse of [ParseAttributes], sorted by name.
func FormatAttributes(attributes map[string]string) string {
	items := make([]string, 0, len(attributes))
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if value := attributes[name]; value != "" {
			name += "=" + value
		}
		items = append(items, name)
	}
	return strings.Join(items, ",")
}

// AlterAttributes carries out a change, whose names begin with + or -, on the attributes that a topic has and returns
// those that it has then. With create the topic is new: only + is allowed and every attribute may be set; later some may
// not change any more. The error's text is that of the Java broker, which sends it with SYSTEM_ERROR.
func AlterAttributes(create bool, current, change map[string]string) (map[string]string, error) {
	out := maps.Clone(current)
	if out == nil {
		out = make(map[string]string)
	}
	seen := make(map[string]bool)
	for _, signed := range slices.Sorted(maps.Keys(change)) {
		if len(signed) < 2 || strings.ContainsAny(signed[1:], "+-") {
			return nil, remark("kv string format wrong.")
		}
		sign, name := signed[0], signed[1:]
		if seen[name] {
			return nil, remark(fmt.Sprintf("alter duplication key. key: %s", name))
		}
		seen[name] = true
		if err := checkAlter(create, sign, name, change[signed], current); err != nil {
			return nil, err
		}
		if sign == '+' {
			out[name] = change[signed]
		} else {
			delete(out, name)
		}
	}
	return out, nil
}

func checkAlter(create bool, sign byte, name, value string, current map[string]string) error {
	_, exists := current[name]
	switch {
	case create && sign != '+':
		return remark(fmt.Sprintf("only add attribute is supported while creating topic. key: %s", name))
	case sign != '+' && sign != '-':
		return remark(fmt.Sprintf("wrong format key: %s", name))
	case sign == '-' && !exists:
		return remark(fmt.Sprintf("attempt to delete a nonexistent key: %s", name))
	}
	rule, ok := attributeNamed(name)
	if !ok {
		return remark(fmt.Sprintf("unsupported key: %s", name))
	}
	if !create && !rule.changeable && (sign == '-' || !exists || value != current[name]) {
		return remark(fmt.Sprintf("attempt to update an unchangeable attribute. key: %s", name))
	}
	if sign == '-' {
		return nil
	}
	return rule.verify(value)
}
