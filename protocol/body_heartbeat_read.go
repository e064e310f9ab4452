package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Clients write the same members differently: Java, Go and Node write enums by name, the C++ client by ordinal; Go's
// client quotes the numbers of codeSet, C++ that of subVersion. Java's broker reads all of it, and so do we.

// UnmarshalJSON takes enums by name and by ordinal.
func (d *ConsumerData) UnmarshalJSON(b []byte) error {
	type plain ConsumerData
	loose := struct {
		*plain
		From  json.RawMessage `json:"consumeFromWhere"`
		Type  json.RawMessage `json:"consumeType"`
		Model json.RawMessage `json:"messageModel"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(b, &loose); err != nil {
		return err
	}
	var err error
	if d.ConsumeFromWhere, err = enumName("consumeFromWhere", loose.From, ConsumeFromLast, "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
		"CONSUME_FROM_MIN_OFFSET", "CONSUME_FROM_MAX_OFFSET", ConsumeFromFirst, ConsumeFromTimestamp); err != nil {
		return err
	}
	if d.ConsumeType, err = enumName("consumeType", loose.Type, ConsumeActively, ConsumePassively, ConsumePop); err != nil {
		return err
	}
	d.MessageModel, err = enumName("messageModel", loose.Model, ModelBroadcasting, ModelClustering)
	return err
}

// UnmarshalJSON takes numbers bare and quoted.
func (s *SubscriptionData) UnmarshalJSON(b []byte) error {
	type plain SubscriptionData
	loose := struct {
		*plain
		Codes   []json.RawMessage `json:"codeSet"`
		Version json.RawMessage   `json:"subVersion"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &loose); err != nil {
		return err
	}
	s.CodeSet = slices.Grow(s.CodeSet[:0], len(loose.Codes))
	for _, raw := range loose.Codes {
		n, err := looseInt("codeSet", raw, 32)
		if err != nil {
			return err
		}
		s.CodeSet = append(s.CodeSet, int32(n))
	}
	var err error
	s.SubVersion, err = looseInt("subVersion", loose.Version, 64)
	return err
}

// enumName reads an enum by name, or by its ordinal in names; "" where there is none.
func enumName(member string, raw json.RawMessage, names ...string) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if raw[0] == '"' {
		var name string
		err := json.Unmarshal(raw, &name)
		return name, err
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 0 || n >= len(names) {
		return "", fmt.Errorf("%s is %.40s, an ordinal is 0 to %d", member, raw, len(names)-1)
	}
	return names[n], nil
}

func looseInt(member string, raw json.RawMessage, bits int) (int64, error) {
	text := strings.Trim(string(raw), `"`)
	if text == "" || text == "null" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%s is %.40s, not a whole number of %d bits", member, raw, bits)
	}
	return n, nil
}
