package cluster

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// RocketMQ's limits for names, in bytes.
const (
	maxTopicName = 127
	maxGroupName = 255
)

// CheckName says what is wrong with the name of a topic, group or namespace, which is what what says; the error is an [ErrIllegal].
func CheckName(what, name string, mayBeEmpty bool) error {
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
