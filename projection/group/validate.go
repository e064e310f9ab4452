package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// MaxName is the longest group name, in characters: with %RETRY% before and a topic behind it, it makes a topic name.
// Source: TopicValidator of RocketMQ 5.5.
const MaxName = 120

// SystemPrefix begins the names of groups that belong to the broker.
const SystemPrefix = "CID_RMQ_SYS_"

// ValidateName checks a group name as the Java broker does. The error's text is the remark that its clients know, to be
// sent with INVALID_PARAMETER.
func ValidateName(name string) error {
	if message.BlankName(name) {
		return remark("The specified group is blank.")
	}
	if !message.LegalName(name) {
		return remark(fmt.Sprintf("The specified group: %.300s, contains illegal characters, allowing only ^[%%|a-zA-Z0-9_-]+$", name))
	}
	if len(name) > MaxName {
		return remark(fmt.Sprintf("The specified group: %.300s, is longer than group max length: %d (it has %d)", name, MaxName, len(name)))
	}
	return nil
}

// Predefined returns the groups that every broker has from the start. Source: SubscriptionGroupManager of RocketMQ 5.5.
func Predefined() []Config {
	var out []Config
	for _, name := range [...]string{
		"TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL",
		"CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER", "CID_RMQ_SYS_TRANS",
	} {
		out = append(out, New(name))
	}
	return out
}

// IsSystem reports whether the group belongs to the broker or its tools. Source: MixAll of RocketMQ 5.5.
func IsSystem(name string) bool {
	switch name {
	case "DEFAULT_CONSUMER", "DEFAULT_PRODUCER", "TOOLS_CONSUMER", "SCHEDULE_CONSUMER", "FILTERSRV_CONSUMER",
		"__MONITOR_CONSUMER", "CLIENT_INNER_PRODUCER", "SELF_TEST_P_GROUP", "SELF_TEST_C_GROUP", "CID_ONS-HTTP-PROXY",
		"CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER", "CID_ONSAPI_PULL":
		return true
	}
	return strings.HasPrefix(name, SystemPrefix)
}

// CheckAttributes refuses a change of group attributes: RocketMQ 5.5 has some for light topics and priorities, which this
// broker does not have, and storing what nobody obeys would be worse than saying so. No attributes are fine.
func CheckAttributes(change map[string]string) error {
	if names := slices.Sorted(maps.Keys(change)); len(names) > 0 {
		return remark("unsupported key: " + strings.TrimLeft(names[0], "+-"))
	}
	return nil
}

// remark is an error whose text goes to clients as it is: the Java broker's words, capitals and full stops included.
type remark string

func (r remark) Error() string { return string(r) }
