// Package namespace turns the names that users give to topics and groups into those on the wire and back, as Java's clients do. Package
// client calls it wherever a name comes in or goes out. Everything here is safe to call at once.
package namespace

import (
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Namespace keeps users of one cluster apart: their names read "ns%topic" and "%RETRY%ns%group" on the wire. System topics and groups
// have no namespace. The empty namespace changes nothing.
type Namespace string

const (
	separator         = "%"
	systemGroupPrefix = "CID_RMQ_SYS_"
)

// Wrap is the name on the wire. One that has the namespace already stays as it is.
func (n Namespace) Wrap(name string) string {
	if n == "" || name == "" || systemName(name) {
		return name
	}
	prefix, rest := splitPrefix(name)
	if strings.HasPrefix(rest, string(n)+separator) {
		return name
	}
	return prefix + string(n) + separator + rest
}

// Unwrap is the name without the namespace.
func (n Namespace) Unwrap(name string) string {
	if n == "" || systemName(name) {
		return name
	}
	prefix, rest := splitPrefix(name)
	return prefix + strings.TrimPrefix(rest, string(n)+separator)
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
