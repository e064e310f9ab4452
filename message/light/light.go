// Package light knows how a message stands in light queues besides its own: RocketMQ's LMQs. It is pure; everything in it is safe to call at once.
//
// A producer names the queues in the property INNER_MULTI_DISPATCH, "%LMQ%a,%LMQ%b". The broker stores the message once, in the topic to which it was
// sent, and writes the offsets that it got in those queues into INNER_MULTI_QUEUE_OFFSET, "0,17", in the same order. Each light queue is read as queue 0
// of a topic of its name. Nobody makes light queues: they begin with their first message. The store writes and reads the places, the broker
// checks the names, a proxy makes those of lite topics with [LiteQueue].
package light

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
)

const (
	separator = ','
	// MaxQueues is how many light queues one message may go to.
	MaxQueues = 1000
	// MaxName is the longest name of a light queue, in bytes, with its prefix.
	MaxName = 255
	// maxOffset is the longest text of an offset, with its separator.
	maxOffset = 20
)

// ErrNames wraps what is wrong with the names of light queues.
var ErrNames = errors.New("property " + message.PropMultiDispatch)

// Is reports whether a topic's or a group's name is that of a light one.
func Is[T ~string | ~[]byte](name T) bool {
	return len(name) >= len(message.LMQPrefix) && string(name[:len(message.LMQPrefix)]) == message.LMQPrefix
}

// Allowed reports whether the messages of a topic go to light queues, if they name some: not what comes again or is dead,
// nor what the broker keeps for itself until its time.
func Allowed[T ~string | ~[]byte](topic T) bool {
	t := string(topic)
	return !strings.HasPrefix(t, message.RetryPrefix) && !strings.HasPrefix(t, message.DLQPrefix) && !strings.HasPrefix(t, message.SystemPrefix) &&
		t != message.TopicSchedule && t != message.TopicHalf
}

// Names returns the light queues to which a message is to go, nil if none; they alias the properties. RocketMQ's broker stops indexing at a name without the
// prefix; it is refused here, as is a name that stands there twice. Errors wrap [ErrNames].
func Names(topic []byte, p message.Properties) ([][]byte, error) {
	text, ok := p.Get(message.PropMultiDispatch)
	if !ok || len(bytes.TrimSpace(text)) == 0 || !Allowed(topic) {
		return nil, nil
	}
	n := bytes.Count(text, []byte{separator}) + 1
	if n > MaxQueues {
		return nil, fmt.Errorf("%w: it names %d light queues, the limit is %d", ErrNames, n, MaxQueues)
	}
	names := bytes.Split(text, []byte{separator})
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		switch {
		case !Is(name) || len(name) == len(message.LMQPrefix):
			return nil, fmt.Errorf("%w: %.100q is no name of a light queue, which begins with %s", ErrNames, name, message.LMQPrefix)
		case len(name) > MaxName:
			return nil, fmt.Errorf("%w: a name has %d bytes, the limit is %d", ErrNames, len(name), MaxName)
		case bytes.IndexByte(name, '/') >= 0:
			return nil, fmt.Errorf("%w: %.100q holds a slash", ErrNames, name)
		case seen[string(name)]:
			return nil, fmt.Errorf("%w: %.100q stands there twice", ErrNames, name)
		}
		seen[string(name)] = true
	}
	return names, nil
}

// Place is where a stored message stands in a light queue.
type Place struct {
	Name   []byte
	Offset message.QueueOffset
}

// Places returns where a record of the log stands in light queues, nil if nowhere: also if the properties are not what
// a broker has written there. The names alias the record.
func Places(r *message.Record) []Place {
	offsets, ok := r.Properties.Get(message.PropMultiQueueOffset)
	if !ok {
		return nil
	}
	names, err := Names(r.Topic, r.Properties)
	if err != nil || bytes.Count(offsets, []byte{separator})+1 != len(names) {
		return nil
	}
	places := make([]Place, len(names))
	for i, name := range names {
		var text []byte
		text, offsets, _ = bytes.Cut(offsets, []byte{separator})
		off, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || off < 0 {
			return nil
		}
		places[i] = Place{name, message.QueueOffset(off)}
	}
	return places
}

// Bare returns the properties without the offsets of light queues, if there are any.
func Bare(p message.Properties) message.Properties {
	if _, ok := p.Get(message.PropMultiQueueOffset); ok {
		return p.Without(message.PropMultiQueueOffset)
	}
	return p
}

// Room is the most bytes that [AppendOffsets] appends for so many queues.
func Room(queues int) int { return len(message.PropMultiQueueOffset) + 2 + maxOffset*queues }

// AppendOffsets appends the property that holds the offsets of a message in its light queues, as RocketMQ writes it. at tells the i-th.
func AppendOffsets(dst message.Properties, queues int, at func(i int) message.QueueOffset) message.Properties {
	if n := len(dst); n > 0 && dst[n-1] != 2 {
		dst = append(dst, 2)
	}
	dst = append(append(dst, message.PropMultiQueueOffset...), 1)
	for i := range queues {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = strconv.AppendInt(dst, int64(at(i)), 10)
	}
	return append(dst, 2)
}

// The name of a lite topic's queue is "%LMQ%$parent$lite": no topic's name holds a dollar. Source: LiteUtil of RocketMQ 5.5.
const liteSeparator = "$"

// LiteQueue is the light queue in which the messages of a lite topic stand, under its parent topic, to which they are sent.
func LiteQueue(parent, lite string) (string, error) {
	switch {
	case parent == "" || lite == "":
		return "", errors.New("a lite topic and its parent need names")
	case strings.Contains(lite, liteSeparator) || strings.ContainsRune(lite, separator) || strings.Contains(lite, "/"):
		return "", fmt.Errorf("the name of the lite topic, %.100q, must not hold %q, ',' or '/'", lite, liteSeparator)
	}
	return message.LMQPrefix + liteSeparator + parent + liteSeparator + lite, nil
}

// LiteTopic is the inverse of [LiteQueue]; ok is false for a light queue that is no lite topic's.
func LiteTopic(queue string) (parent, lite string, ok bool) {
	rest, ok := strings.CutPrefix(queue, message.LMQPrefix+liteSeparator)
	if !ok {
		return "", "", false
	}
	parent, lite, ok = strings.Cut(rest, liteSeparator)
	return parent, lite, ok && parent != "" && lite != "" && !strings.Contains(lite, liteSeparator)
}

// OffsetIn returns the offset of a stored message in a queue of the topic, which may be one of its light queues.
func OffsetIn(topic string, r *message.Record) message.QueueOffset {
	if Is(topic) && string(r.Topic) != topic {
		for _, p := range Places(r) {
			if string(p.Name) == topic {
				return p.Offset
			}
		}
	}
	return r.QueueOffset
}
