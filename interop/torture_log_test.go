package interop

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
)

// readLog pulls every queue of a topic from its first to its last record and reports each record as stored.
func readLog(broker, topic string, queues int, report func(history.Event)) error {
	conn, err := net.DialTimeout("tcp", broker, 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	for queue := range queues {
		place := map[string]string{"topic": topic, "queueId": strconv.Itoa(queue)}
		first, err := queueOffset(broker, codeMinOffset, place)
		if err != nil {
			return err
		}
		end, err := queueOffset(broker, codeMaxOffset, place)
		if err != nil {
			return err
		}
		for at := first; at < end; {
			if at, err = pull(conn, topic, queue, at, report); err != nil {
				return fmt.Errorf("read %s/%d at %d of %d: %w", topic, queue, at, end, err)
			}
		}
	}
	return nil
}

// Codes of the two ends of a queue.
const (
	codeMaxOffset = 30
	codeMinOffset = 31
)

// pull reads one answer's records and returns the offset to go on from.
func pull(conn net.Conn, topic string, queue int, at int64, report func(history.Event)) (int64, error) {
	header, err := json.Marshal(map[string]any{
		"code": codePull, "language": "GO", "version": 513, "opaque": 1, "flag": 0, "serializeTypeCurrentRPC": "JSON",
		"extFields": map[string]string{
			"consumerGroup": "torture-reader", "topic": topic, "queueId": strconv.Itoa(queue), "queueOffset": strconv.FormatInt(at, 10),
			"maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
			"expressionType": "TAG",
		},
	})
	if err != nil {
		return at, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return at, err
	}
	if _, err := conn.Write(append(frame, header...)); err != nil {
		return at, err
	}
	got, err := readAnswer(conn)
	if err != nil {
		return at, err
	}
	next, err := strconv.ParseInt(got.ExtFields["nextBeginOffset"], 10, 64)
	if err != nil || next <= at {
		return at, fmt.Errorf("code %d, %s, next offset %q", got.Code, got.Remark, got.ExtFields["nextBeginOffset"])
	}
	for rest := got.body; len(rest) > 0; {
		e, size, err := parseRecord(rest)
		if err != nil {
			return at, err
		}
		e.Place.Topic = topic
		report(e)
		rest = rest[size:]
	}
	return next, nil
}

// parseRecord reads one record of a pull's answer, by hand and not with the product's decoder: sizes and numbers stand at
// fixed places as long as hosts have four bytes each.
func parseRecord(b []byte) (history.Event, int, error) {
	if len(b) < 88 {
		return history.Event{}, 0, fmt.Errorf("%d bytes are no record", len(b))
	}
	size, length := int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[84:]))
	if size < 88 || size > len(b) || length < 0 || 88+length > size {
		return history.Event{}, 0, fmt.Errorf("a record of %d bytes with a body of %d in %d bytes", size, length, len(b))
	}
	body := b[88 : 88+length]
	if flags := message.SysFlag(binary.BigEndian.Uint32(b[36:])); flags&1 != 0 {
		kind, err := compression.Of(flags)
		if err != nil {
			return history.Event{}, 0, err
		}
		if body, err = compression.Decompress(nil, body, kind, 1<<22); err != nil {
			return history.Event{}, 0, err
		}
	}
	e := bodyEvent(body)
	e.Kind = history.Stored
	e.From = history.Time(binary.BigEndian.Uint64(b[56:])) * 1000
	e.Place.Queue = int(binary.BigEndian.Uint32(b[12:]))
	e.Place.Offset = int64(binary.BigEndian.Uint64(b[20:]))
	return e, size, nil
}

// bodyEvent reads the key that a body begins with, and sums it.
func bodyEvent(body []byte) history.Event {
	key, _, _ := strings.Cut(string(body[:min(len(body), 32)]), " ")
	return history.Event{Key: parseKey(key), Sum: crc32.ChecksumIEEE(body)}
}

// brokerName is the name of the one broker in a topic's route.
func brokerName(namesrv, topic string) (string, error) {
	got, err := invoke(namesrv, codeGetRoute, map[string]string{"topic": topic, "acceptStandardJsonOnly": "true"}, nil)
	if err != nil {
		return "", err
	}
	var route struct {
		BrokerDatas []struct {
			BrokerName string `json:"brokerName"`
		} `json:"brokerDatas"`
	}
	if err := json.Unmarshal(got.body, &route); err != nil || len(route.BrokerDatas) != 1 {
		return "", fmt.Errorf("route of %s with %d brokers: %v", topic, len(route.BrokerDatas), err)
	}
	return route.BrokerDatas[0].BrokerName, nil
}
