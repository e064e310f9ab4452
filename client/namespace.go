package client

import (
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// namespace turns the names that users give into those on the wire ("ns%topic", "%RETRY%ns%group") and back. System topics and
// groups have no namespace. The empty namespace changes nothing.
type namespace string

const (
	namespaceSeparator = "%"
	systemGroupPrefix  = "CID_RMQ_SYS_"
	// maxTopicName and maxGroupName are RocketMQ's limits, namespace included.
	maxTopicName = 127
	maxGroupName = 255
)

func (n namespace) wrap(name string) string {
	if n == "" || name == "" || systemName(name) {
		return name
	}
	prefix, rest := splitPrefix(name)
	if strings.HasPrefix(rest, string(n)+namespaceSeparator) {
		return name
	}
	return prefix + string(n) + namespaceSeparator + rest
}

func (n namespace) unwrap(name string) string {
	if n == "" || systemName(name) {
		return name
	}
	prefix, rest := splitPrefix(name)
	return prefix + strings.TrimPrefix(rest, string(n)+namespaceSeparator)
}

// splitPrefix cuts %RETRY% and %DLQ% off.
func splitPrefix(name string) (prefix, rest string) {
	for _, prefix := range [...]string{message.RetryPrefix, message.DLQPrefix} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return prefix, rest
		}
	}
	return "", name
}

func systemName(name string) bool {
	switch name {
	case message.TopicAutoName, message.TopicSchedule, message.TopicBench, message.TopicHalf, message.TopicTrace, message.TopicOpHalf,
		message.TopicCheckMax, message.TopicSelfTest, message.TopicMoved:
		return true
	}
	return strings.HasPrefix(name, message.SystemPrefix) || strings.HasPrefix(name, systemGroupPrefix)
}

// checkName says what is wrong with the name of a topic, group or namespace.
func checkName(what, name string, mayBeEmpty bool) error {
	limit := maxTopicName
	if what == "group" {
		limit = maxGroupName
	}
	switch {
	case name == "" && mayBeEmpty:
		return nil
	case message.BlankName(name):
		return fmt.Errorf("client: the %s is blank: %w", what, ErrIllegal)
	case len(name) > limit:
		return fmt.Errorf("client: the %s %.40q… has %d characters, the limit is %d: %w", what, name, len(name), limit, ErrIllegal)
	case !message.LegalName(name):
		return fmt.Errorf("client: the %s %q has characters other than letters, digits, %%, |, _ and -: %w", what, name, ErrIllegal)
	}
	return nil
}
