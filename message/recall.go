package message

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// RecallHandle names a timer message that its producer may take back: the answer to its send bears the handle, request 370
// brings it back. Its text is URL-safe base64 with padding of five words with spaces between them: "v1", the topic, the broker's
// name, the time in milliseconds since 1970, and the message's unique key. Source: RecallMessageHandle of RocketMQ 5.5.0.
type RecallHandle struct {
	Topic  string
	Broker string
	// Millis is when the message is to be delivered, by the broker's precision; -1 for a text that is no number.
	Millis int64
	// UniqueKey is the message's UNIQ_KEY.
	UniqueKey string
}

const recallVersion = "v1"

// ErrRecallHandle reports a text that is no recall handle. Its words are Apache's.
var ErrRecallHandle = errors.New("recall handle is invalid")

// String is the handle's text.
func (h RecallHandle) String() string {
	words := strings.Join([]string{recallVersion, h.Topic, h.Broker, strconv.FormatInt(h.Millis, 10), h.UniqueKey}, " ")
	return base64.URLEncoding.EncodeToString([]byte(words))
}

// ParseRecallHandle reads a handle's text. Words behind the fifth are ignored, and the padding may be missing, as in Apache.
func ParseRecallHandle(text string) (RecallHandle, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return RecallHandle{}, ErrRecallHandle
	}
	words := strings.Split(strings.TrimRight(string(raw), " "), " ")
	if len(words) < 5 || words[0] != recallVersion {
		return RecallHandle{}, ErrRecallHandle
	}
	millis, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		millis = -1
	}
	return RecallHandle{Topic: words[1], Broker: words[2], Millis: millis, UniqueKey: words[4]}, nil
}
