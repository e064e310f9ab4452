package nameserver

import (
	"fmt"
	"strconv"
)

// Settings are what UPDATE_NAMESRV_CONFIG may change. The zero value is RocketMQ's default.
type Settings struct {
	OrderMessageEnable  bool // orderMessageEnable: routes carry the topic's order configuration
	OmitOrderConf       bool // not returnOrderTopicConfigToBroker
	DisableAllTopicList bool // not enableAllTopicList
	DisableTopicList    bool // not enableTopicList
}

// setting is one key, and whether its field means the opposite.
type setting struct {
	key     string
	field   *bool
	inverse bool
}

func (s *Settings) keys() []setting {
	return []setting{
		{"enableAllTopicList", &s.DisableAllTopicList, true},
		{"enableTopicList", &s.DisableTopicList, true},
		{"orderMessageEnable", &s.OrderMessageEnable, false},
		{"returnOrderTopicConfigToBroker", &s.OmitOrderConf, true},
	}
}

func (s *Settings) set(key, value string) error {
	for _, k := range s.keys() {
		if k.key != key {
			continue
		}
		v, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%s is true or false, not %q", key, value)
		}
		*k.field = v != k.inverse
		return nil
	}
	return fmt.Errorf("%q cannot be changed while the NameServer runs", key)
}

func (s *Settings) append(dst []byte) []byte {
	for _, k := range s.keys() {
		dst = appendProperty(dst, k.key, *k.field != k.inverse)
	}
	return dst
}

func appendProperty(dst []byte, key string, value any) []byte {
	return fmt.Appendf(dst, "%s=%v\n", key, value)
}
