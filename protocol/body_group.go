package protocol

import (
	"encoding/json"
	"maps"
	"slices"
)

// SubscriptionGroupConfig is a consumer group's settings: the request body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), the answer's body
// of GET_SUBSCRIPTIONGROUP_CONFIG (352). Members that this package does not know are kept in Extra and written again.
type SubscriptionGroupConfig struct {
	Attributes                     map[string]string          `json:"attributes,omitempty"`
	BrokerID                       int64                      `json:"brokerId"`
	ConsumeBroadcastEnable         bool                       `json:"consumeBroadcastEnable"`
	ConsumeEnable                  bool                       `json:"consumeEnable"`
	ConsumeFromMinEnable           bool                       `json:"consumeFromMinEnable"`
	ConsumeMessageOrderly          bool                       `json:"consumeMessageOrderly"`
	ConsumeTimeoutMinute           int32                      `json:"consumeTimeoutMinute"`
	GroupName                      string                     `json:"groupName"`
	GroupSysFlag                   int32                      `json:"groupSysFlag"`
	NotifyConsumerIDsChangedEnable bool                       `json:"notifyConsumerIdsChangedEnable"`
	RetryMaxTimes                  int32                      `json:"retryMaxTimes"`
	RetryQueueNums                 int32                      `json:"retryQueueNums"`
	WhichBrokerWhenConsumeSlowly   int64                      `json:"whichBrokerWhenConsumeSlowly"`
	Extra                          map[string]json.RawMessage `json:"-"`
}

// NewSubscriptionGroupConfig is a group with the settings that RocketMQ gives a new one.
func NewSubscriptionGroupConfig(name string) SubscriptionGroupConfig {
	return SubscriptionGroupConfig{GroupName: name, ConsumeEnable: true, ConsumeFromMinEnable: true, ConsumeBroadcastEnable: true,
		NotifyConsumerIDsChangedEnable: true, RetryQueueNums: 1, RetryMaxTimes: 16, WhichBrokerWhenConsumeSlowly: 1, ConsumeTimeoutMinute: 15}
}

// groupFields is SubscriptionGroupConfig without its methods.
type groupFields SubscriptionGroupConfig

// UnmarshalJSON reads the object; members that are missing have a new group's settings.
func (c *SubscriptionGroupConfig) UnmarshalJSON(b []byte) error {
	*c = NewSubscriptionGroupConfig("")
	if err := json.Unmarshal(b, (*groupFields)(c)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for _, known := range groupMembers() {
		delete(all, known)
	}
	if len(all) > 0 {
		c.Extra = all
	}
	return nil
}

// MarshalJSON writes the object, the unknown members behind the known ones.
func (c SubscriptionGroupConfig) MarshalJSON() ([]byte, error) {
	out, err := json.Marshal(groupFields(c))
	if err != nil || len(c.Extra) == 0 {
		return out, err
	}
	out = out[:len(out)-1]
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		out = append(appendJSONText(append(out, ','), name, false), ':')
		out = append(out, c.Extra[name]...)
	}
	return append(out, '}'), nil
}

func groupMembers() []string {
	return []string{"attributes", "brokerId", "consumeBroadcastEnable", "consumeEnable", "consumeFromMinEnable", "consumeMessageOrderly",
		"consumeTimeoutMinute", "groupName", "groupSysFlag", "notifyConsumerIdsChangedEnable", "retryMaxTimes", "retryQueueNums",
		"whichBrokerWhenConsumeSlowly"}
}

// SubscriptionGroupTable is the answer's body of GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). Forbidden holds bits by group and topic.
type SubscriptionGroupTable struct {
	DataVersion DataVersion                        `json:"dataVersion"`
	Forbidden   map[string]map[string]int32        `json:"forbiddenTable"`
	Groups      map[string]SubscriptionGroupConfig `json:"subscriptionGroupTable"`
}
