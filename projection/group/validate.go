package group

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
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

// AlterAttributes carries out a change, whose names begin with + or -, on the attributes that a group has and returns those that it has then. There
// are the group's quotas, see package broker/quota, and of RocketMQ's own those that say what clients read lite topics, and how, see package broker/lite.
// RocketMQ 5.5 has one more for lite topics, lite.sub.client.max.event.cnt, and one for priorities, which this broker does not have, and storing what nobody obeys would be worse than saying so. The error's text is that of the Java broker.
func AlterAttributes(current, change map[string]string) (map[string]string, error) {
	out := maps.Clone(current)
	for _, signed := range slices.Sorted(maps.Keys(change)) {
		name := strings.TrimLeft(signed, "+-")
		_, exists := current[name]
		switch {
		case !slices.Contains(attributes(), name):
			return nil, remark("unsupported key: " + name)
		case len(signed) != len(name)+1:
			return nil, remark("kv string format wrong.")
		case signed[0] == '-' && !exists:
			return nil, remark("attempt to delete a nonexistent key: " + name)
		case signed[0] == '-':
			delete(out, name)
			continue
		}
		if err := checkAttribute(name, change[signed]); err != nil {
			return nil, err
		}
		if out == nil {
			out = make(map[string]string)
		}
		out[name] = change[signed]
	}
	return out, nil
}

func attributes() []string {
	return []string{"consume.quota.messages", "consume.quota.bytes", "lite.bind.topic", "lite.sub.client.quota", "lite.sub.model",
		"lite.sub.reset.offset.exclusive", "lite.sub.reset.offset.unsubscribe", "lite.sub.wildcard"}
}

func checkAttribute(name, value string) error {
	switch name {
	case "lite.sub.reset.offset.exclusive", "lite.sub.reset.offset.unsubscribe":
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return remark("boolean attribute format is wrong.")
		}
		return nil
	case "lite.bind.topic", "lite.sub.wildcard":
		return nil
	case "lite.sub.model":
		if value != "Shared" && value != "Exclusive" {
			return remark("value is not in set: [Exclusive, Shared]")
		}
		return nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err != nil {
		return remark(fmt.Sprintf("For input string: %q", value))
	} else if n < -1 {
		return remark(fmt.Sprintf("value is not in range(-1, %d)", int64(math.MaxInt64)))
	}
	return nil
}

// remark is an error whose text goes to clients as it is: the Java broker's words, capitals and full stops included.
type remark string

func (r remark) Error() string { return string(r) }
