// Package group is the projection of the consumer groups: their configurations, what each may not read, the version of
// the whole table, and the rules for group names. It is a pure machine: changes in, lookups out; no clock, file,
// goroutine or lock.
//
// The store owns the one [Table], applies the changes that it reads from the log in log order, and guards it: reads may
// run at once with reads, never with Apply. A [Config] that a table handed out is never changed again and may be kept.
package group

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

// Config is one group's configuration: Apache's SubscriptionGroupConfig, with the members in the order in which the Java
// broker writes them. Members that this version does not know survive in Extra.
type Config struct {
	Attributes                   map[string]string `json:"attributes"`
	BrokerID                     int64             `json:"brokerId"`
	ConsumeBroadcastEnable       bool              `json:"consumeBroadcastEnable"`
	ConsumeEnable                bool              `json:"consumeEnable"`
	ConsumeFromMinEnable         bool              `json:"consumeFromMinEnable"`
	ConsumeMessageOrderly        bool              `json:"consumeMessageOrderly"`
	ConsumeTimeoutMinute         int32             `json:"consumeTimeoutMinute"`
	Name                         string            `json:"groupName"`
	RetryPolicy                  *RetryPolicy      `json:"groupRetryPolicy,omitempty"`
	SysFlag                      int32             `json:"groupSysFlag"`
	NotifyConsumerIDsChanged     bool              `json:"notifyConsumerIdsChangedEnable"`
	RetryMaxTimes                int32             `json:"retryMaxTimes"`
	RetryQueues                  int32             `json:"retryQueueNums"`
	Subscriptions                []Subscription    `json:"subscriptionDataSet,omitempty"`
	WhichBrokerWhenConsumeSlowly int64             `json:"whichBrokerWhenConsumeSlowly"`

	// Extra holds unknown members by name, their values as compact JSON.
	Extra map[string]json.RawMessage `json:"-"`
}

// Subscription is a subscription that a group is meant to have: Apache's SimpleSubscriptionData.
type Subscription struct {
	Expression     string `json:"expression"`
	ExpressionType string `json:"expressionType"`
	Topic          string `json:"topic"`
	Version        int64  `json:"version"`
}

// New is the configuration that a group has when nobody says otherwise. Source: SubscriptionGroupConfig of RocketMQ 5.
func New(name string) Config {
	return Config{
		Name:                         name,
		ConsumeEnable:                true,
		ConsumeFromMinEnable:         true,
		ConsumeBroadcastEnable:       true,
		RetryQueues:                  1,
		RetryMaxTimes:                16,
		RetryPolicy:                  &RetryPolicy{Type: RetryCustomized},
		WhichBrokerWhenConsumeSlowly: 1,
		NotifyConsumerIDsChanged:     true,
		ConsumeTimeoutMinute:         15,
	}
}

// Clone returns a copy that shares nothing with c and may be changed.
func (c *Config) Clone() *Config {
	d := *c
	d.Attributes = maps.Clone(c.Attributes)
	d.Subscriptions = slices.Clone(c.Subscriptions)
	d.RetryPolicy = c.RetryPolicy.clone()
	d.Extra = maps.Clone(c.Extra)
	return &d
}

// MarshalJSON writes the configuration, unknown members last and sorted by name.
func (c Config) MarshalJSON() ([]byte, error) {
	type plain Config
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	out, err := json.Marshal(plain(c))
	if err != nil || len(c.Extra) == 0 {
		return out, err
	}
	extra, err := json.Marshal(c.Extra)
	if err != nil {
		return nil, err
	}
	out[len(out)-1] = ','
	return append(out, extra[1:]...), nil
}

// UnmarshalJSON reads a configuration. Members that are not there get the values of [New].
func (c *Config) UnmarshalJSON(text []byte) error {
	type plain Config
	p := plain(New(""))
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	if p.RetryPolicy == nil || p.RetryPolicy.Type == "" {
		p.RetryPolicy = cmp.Or(p.RetryPolicy, &RetryPolicy{})
		p.RetryPolicy.Type = RetryCustomized
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for name, value := range all {
		if isMember(name) {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return fmt.Errorf("group member %q: %w", name, err)
		}
		if p.Extra == nil {
			p.Extra = make(map[string]json.RawMessage)
		}
		p.Extra[name] = compact.Bytes()
	}
	*c = Config(p)
	return nil
}

// isMember reports whether a JSON member fills a field of [Config]; the decoder ignores case, so do we.
func isMember(name string) bool {
	for _, known := range [...]string{
		"attributes", "brokerId", "consumeBroadcastEnable", "consumeEnable", "consumeFromMinEnable", "consumeMessageOrderly",
		"consumeTimeoutMinute", "groupName", "groupRetryPolicy", "groupSysFlag", "notifyConsumerIdsChangedEnable",
		"retryMaxTimes", "retryQueueNums", "subscriptionDataSet", "whichBrokerWhenConsumeSlowly",
	} {
		if strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}

// Version is the version of the table.
type Version = message.DataVersion
