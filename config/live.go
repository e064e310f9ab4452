package config

import (
	"fmt"
	"slices"
	"strings"
)

// Live are the names of the settings that may be changed while a node runs (UPDATE_BROKER_CONFIG), sorted. None of them names a file, a
// program or an address, or lets in who could not come in before.
func Live() []string {
	return []string{
		"autoCreateSubscriptionGroup", "autoCreateTopicEnable", "brokerPermission", "deleteWhen", "diskMaxUsedSpaceRatio", "enableMixedMessageType",
		"enablePropertyFilter", "fileReservedTime", "longPollingEnable", "maxMessageSize", "maxStoreSize", "maxTransferCountOnMessageInMemory", "minFreeDisk",
		"recallMessageEnable", "rejectTransactionMessage", "storeReplyMessageEnable", "transactionCheckInterval", "transactionCheckMax",
		"useServerSideResetOffset",
	}
}

// Refusal says why a setting is not changed while a node runs. It is an error.
type Refusal struct {
	Key string
	// AtStart says that the key is given at the start only.
	AtStart bool
	Why     string
}

// Error names the key and the reason.
func (r *Refusal) Error() string { return fmt.Sprintf("%.100s is not changed: %s", r.Key, r.Why) }

// Change returns the settings with some of [Live] changed, and the names of those that differ now; or a [Refusal], and then nothing is
// changed. A key that has the value already, letter by letter, may be any effective one; a secret's is not compared, so that nobody finds it out
// by trying, and *** leaves it as it is.
func (c *Config) Change(pairs []Property) (next Config, changed []string, err error) {
	next = *c
	for _, p := range pairs {
		k, no := liveKey(p.Key)
		switch {
		case no != nil:
			return *c, nil, no
		case k.Secret && strings.TrimSpace(p.Value) == mask:
			continue
		case !k.Secret && strings.TrimSpace(p.Value) == k.get(c) && !slices.Contains(changed, k.Name):
			continue
		case !slices.Contains(Live(), k.Name):
			return *c, nil, &Refusal{Key: k.Name, AtStart: true, Why: fmt.Sprintf(
				"it is given when the node starts: set %s in the file of -c, in the environment or with --set %s=VALUE, and restart; these change while it runs: %s",
				k.Name, k.Name, strings.Join(Live(), ", "))}
		}
		if err := k.set(&next, p.Value); err != nil {
			return *c, nil, &Refusal{Key: k.Name, Why: err.Error()}
		}
		if !slices.Contains(changed, k.Name) {
			changed = append(changed, k.Name)
		}
	}
	changed = slices.DeleteFunc(changed, func(name string) bool { return next.Value(name) == c.Value(name) })
	if err := next.Validate(); err != nil {
		return *c, nil, &Refusal{Key: strings.Join(changed, ", "), Why: err.Error()}
	}
	slices.Sort(changed)
	return next, changed, nil
}

// liveKey finds the row of a key that has an effect.
func liveKey(name string) (Key, *Refusal) {
	for _, k := range Keys() {
		switch {
		case !strings.EqualFold(k.Name, name):
		case !k.Effective:
			return k, &Refusal{Key: k.Name, Why: "it has no effect here: " + k.Doc}
		default:
			return k, nil
		}
	}
	for _, known := range strings.Fields(apacheNames) {
		if strings.EqualFold(known, name) {
			// What RocketMQ itself lets nobody change is answered as there.
			return Key{}, &Refusal{Key: known, AtStart: known == "brokerConfigPath" || known == "configBlackList", Why: "it is a key of Apache RocketMQ that has no effect here"}
		}
	}
	return Key{}, &Refusal{Key: name, Why: "the key is unknown; the nearest known one is " + Nearest(name)}
}

// Value is a setting as text, "" for a name that is none.
func (c *Config) Value(name string) string {
	for _, k := range Keys() {
		if k.Name == name && k.Effective {
			return k.get(c)
		}
	}
	return ""
}

// insteadOf marks, in the text of changes, the value that a change stands in the place of.
const insteadOf = ".insteadOf"

// Changes is the text that keeps what was changed while a node ran: the settings that differ from those of its start, each with the value
// that it has there.
func (c *Config) Changes(start *Config) string {
	var b strings.Builder
	b.WriteString("# Settings that were changed while the node ran. Each counts as long as the start gives the value that it stands in the place of.\n")
	for _, name := range Live() {
		if is, was := c.Value(name), start.Value(name); is != was {
			b.WriteString(name + "=" + escapeValue(is) + "\n" + name + insteadOf + "=" + escapeValue(was) + "\n")
		}
	}
	return b.String()
}

// Restore makes the changes of a text that [Config.Changes] has made. dropped are the names of those that count no more, since the start
// gives another value now than they stand in the place of.
func (c *Config) Restore(text string) (next Config, changed, dropped []string, err error) {
	pairs, err := ParseProperties(text)
	if err != nil {
		return *c, nil, nil, err
	}
	instead := map[string]string{}
	var is []Property
	for _, p := range pairs {
		if name, ok := strings.CutSuffix(p.Key, insteadOf); ok {
			instead[name] = p.Value
			continue
		}
		if !slices.Contains(Live(), p.Key) {
			return *c, nil, nil, fmt.Errorf("line %d: %.100q is no setting that changes while a node runs", p.Line, p.Key)
		}
		is = append(is, p)
	}
	var count []Property
	for _, p := range is {
		if instead[p.Key] != c.Value(p.Key) {
			dropped = append(dropped, p.Key)
			continue
		}
		count = append(count, p)
	}
	next, changed, err = c.Change(count)
	return next, changed, dropped, err
}
