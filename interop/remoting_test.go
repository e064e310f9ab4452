package interop

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Request codes that the tests send themselves.
const (
	codeSend                = 10
	codePull                = 11
	codeQueryConsumerOffset = 14
	codeCreateTopic         = 17
	codeGetRoute            = 105
	codeCreateGroup         = 200
)

// defaultRetries is how often a message is tried again in a group that nobody configured.
const defaultRetries = 16

// answer is a remoting response; the frame is a length, a header length with the encoding in its top byte (0: JSON), the
// header and the body, all integers big endian.
type answer struct {
	Code      int               `json:"code"`
	Remark    string            `json:"remark"`
	ExtFields map[string]string `json:"extFields"`
	body      []byte
}

// invoke sends one request on its own connection and returns the answer; a code other than 0 is an error. It shares no
// line with the product, so a mistake in the product's codec cannot hide itself here.
func invoke(addr string, code int, fields map[string]string, body []byte) (answer, error) {
	conn, err := connect(addr)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return answer{}, err
	}
	header, err := json.Marshal(map[string]any{
		"code": code, "language": "GO", "version": 513, "opaque": 1, "flag": 0,
		"extFields": fields, "serializeTypeCurrentRPC": "JSON",
	})
	if err != nil {
		return answer{}, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(header)))
	frame = append(append(frame, header...), body...)
	if _, err := conn.Write(frame); err != nil {
		return answer{}, err
	}
	got, err := readAnswer(conn)
	if err == nil && got.Code != 0 {
		err = fmt.Errorf("request %d: code %d, %s", code, got.Code, got.Remark)
	}
	return got, err
}

func readAnswer(r io.Reader) (answer, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return answer{}, err
	}
	total := binary.BigEndian.Uint32(lengths[:4])
	headerLength := binary.BigEndian.Uint32(lengths[4:]) & 0xffffff
	if encoding := lengths[4]; encoding != 0 || total < 4+headerLength || total > 16<<20 {
		return answer{}, fmt.Errorf("answer with encoding %d, %d bytes, header of %d bytes", encoding, total, headerLength)
	}
	rest := make([]byte, total-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return answer{}, err
	}
	var got answer
	if err := json.Unmarshal(rest[:headerLength], &got); err != nil {
		return answer{}, err
	}
	got.body = rest[headerLength:]
	return got, nil
}

// createTopic makes a topic with as many read as write queues, as the admin tools do.
func createTopic(broker, topic string, queues int) error {
	return createTopicWith(broker, topic, queues, "")
}

// createTopicWith is createTopic with attributes as in "+message.type=FIFO".
func createTopicWith(broker, topic string, queues int, attributes string) error {
	n := strconv.Itoa(queues)
	_, err := invoke(broker, codeCreateTopic, map[string]string{
		"topic": topic, "defaultTopic": "TBW102", "readQueueNums": n, "writeQueueNums": n, "perm": "6",
		"topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false", "attributes": attributes,
	}, nil)
	return err
}

// createGroup makes a consumer group with the admin tools' defaults; a message that failed is tried retries times more.
func createGroup(broker, group string, retries int) error {
	return createGroupWith(broker, group, retries, false, nil)
}

// createGroupWith is createGroup; orderly makes a push consumer that speaks gRPC take each queue in order.
func createGroupWith(broker, group string, retries int, orderly bool, attributes map[string]string) error {
	body, err := json.Marshal(map[string]any{
		"groupName": group, "consumeEnable": true, "consumeFromMinEnable": true, "consumeBroadcastEnable": true,
		"consumeMessageOrderly": orderly, "retryQueueNums": 1, "retryMaxTimes": retries, "brokerId": 0,
		"whichBrokerWhenConsumeSlowly": 1, "notifyConsumerIdsChangedEnable": true, "attributes": attributes,
	})
	if err != nil {
		return err
	}
	_, err = invoke(broker, codeCreateGroup, nil, body)
	return err
}

// send stores one message in the topic's queue 0.
func send(broker, topic, body string) error {
	_, err := invoke(broker, codeSend, map[string]string{
		"producerGroup": "interop-driver", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": "0", "sysFlag": "0", "bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10), "flag": "0",
		"properties": "", "reconsumeTimes": "0", "unitMode": "false",
	}, []byte(body))
	return err
}

// deadLetter is an error until queue 0 of the group's dead letter topic holds one message, with this body and this topic
// of origin, or that topic's retry topic of consumers that pop. A record has 84 bytes before the body's length when its hosts have four bytes each.
func deadLetter(broker, group, topic, body string) error {
	got, err := invoke(broker, codePull, map[string]string{
		"consumerGroup": "interop-driver", "topic": "%DLQ%" + group, "queueId": "0", "queueOffset": "0", "maxMsgNums": "8",
		"sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG",
	}, nil)
	if err != nil {
		return err
	}
	record := got.body
	text := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	switch {
	case len(record) < 84 || binary.BigEndian.Uint32(record) != uint32(len(record)):
		return fmt.Errorf("%d bytes of dead letters are not one record: %q", len(record), record)
	case !bytes.HasPrefix(record[84:], text) || !bytes.Contains(record, []byte("RETRY_TOPIC\x01"+topic)) &&
		!bytes.Contains(record, []byte("RETRY_TOPIC\x01%RETRY%"+group+"_"+topic)):
		return fmt.Errorf("the dead letter is not %q from %s: %q", body, topic, record)
	}
	return nil
}

// routed is an error until the NameServer's route of the topic names the broker's address.
func routed(namesrv, topic, broker string) error {
	got, err := invoke(namesrv, codeGetRoute, map[string]string{"topic": topic, "acceptStandardJsonOnly": "true"}, nil)
	if err == nil && !bytes.Contains(got.body, []byte(strconv.Quote(broker))) {
		err = fmt.Errorf("the route of %s does not name %s: %s", topic, broker, got.body)
	}
	return err
}

// queueOffset asks for a number that the broker answers in the field "offset".
func queueOffset(broker string, code int, fields map[string]string) (int64, error) {
	got, err := invoke(broker, code, fields, nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(got.ExtFields["offset"], 10, 64)
}
