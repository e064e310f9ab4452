package interop

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Request codes whose bodies or numbers are attacked.
const (
	codeRegisterBroker = 103
	codeSendShort      = 310
	codeSendBatch      = 320
)

func bodyAttacks() []attack {
	return []attack{
		{"bodies in JSON", (*victim).jsonBodies},
		{"objects as keys in objects as keys", (*victim).nestedKeys},
		{"registrations", (*victim).registrations},
		{"registrations that say little in much", (*victim).longRegistrations},
		{"registrations that grow", (*victim).registrationBombs},
		{"messages that grow", (*victim).messageBombs},
		{"batches", (*victim).batches},
		{"properties", (*victim).properties},
	}
}

// jsonCodes are the requests whose bodies are JSON.
var jsonCodes = []int{18, 34, 38, 41, 42, 46, 103, 200, 217, 222, 225, 307, 322, 400, 401, 5002, 5003, 200071, 200151}

// jsonFields are fields that those requests need.
func jsonFields() map[string]string {
	return map[string]string{"topic": hostileTopic, "group": hostileGroup, "consumerGroup": hostileGroup, "clientId": "c", "clientID": "c", "brokerName": "hostile-broker", "brokerAddr": "10.9.8.7:10911",
		"clusterName": "hostile-cluster", "haServerAddr": "10.9.8.7:10912", "brokerId": "0", "compressed": "false", "bodyCrc32": "0", "timestamp": "0", "isForce": "true", "queueId": "0"}
}

// jsonBodies are bodies that cost more than they are worth, or are no JSON.
func (v *victim) jsonBodies() {
	const large = 4 << 20
	bodies := map[string]string{
		"nothing": "", "null": "null", "an array": "[]", "a text": `"`, "half": `{"clientID":"c","consumerDataSet":[{"groupName":"`,
		"arrays in arrays":        strings.Repeat("[", 1_000_000),
		"closed arrays in arrays": strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"objects in objects":      strings.Repeat(`{"a":`, 200_000),
		"many members":            `{"a":1` + manyPairs(300_000) + `}`,
		"many elements":           `[` + strings.Repeat("{},", large/3-3) + `{}]`,
		"a large text":            `{"clientID":"` + strings.Repeat("c", large) + `"}`,
		"a large number":          `{"version":1` + strings.Repeat("0", 1<<20) + `}`,
		"an exponent":             `{"subVersion":1e999999999,"brokerId":-1e-999999999,"readQueueNums":1E400}`,
		"invalid UTF-8":           "{\"clientID\":\"\xff\xfe\xc0\x80\",\"consumerGroup\":\"\xed\xa0\x80\"}",
		"NUL":                     "{\"clientID\":\"a\x00b\",\"groupName\":\"\\u0000\"}",
		"numbers for texts":       `{"clientID":1,"consumerGroup":[],"groupName":{},"consumerDataSet":{"a":1},"mqSet":"x","topicConfigTable":[1]}`,
		"negative numbers":        `{"groupName":"` + hostileGroup + `","retryQueueNums":-1,"retryMaxTimes":-2147483648,"brokerId":-9223372036854775808,"consumeTimeoutMinute":-1}`,
	}
	for _, list := range []string{"queueDatas", "topicConfigList", "groupConfigList", "topicList", "mqSet", "consumerDataSet", "tagsSet", "subscriptionDataSet"} {
		bodies[list] = `{"` + list + `":[` + strings.Repeat("{},", 1_500_000) + `{}]}`
	}
	for _, code := range jsonCodes {
		var frames [][]byte
		for _, body := range bodies {
			frames = append(frames, asked(code, 1, jsonFields(), []byte(body)))
		}
		v.answered(fmt.Sprintf("bodies of %d", code), frames...)
	}
}

// nestedKeys are what RocketMQ's JSON has and other JSON has not: keys that are objects. Written as texts, one in the other, each doubles
// the backslashes of those inside.
func (v *victim) nestedKeys() {
	for _, code := range jsonCodes {
		for _, deep := range []int{2, 20, 40, 60, 1000} {
			for _, pair := range [][2]string{{"{", ":1}"}, {"[", "]"}} {
				body := strings.Repeat("{", deep) + pair[0] + `"k":"\\"` + pair[1] + strings.Repeat(":1}", deep)
				v.answered(fmt.Sprintf("%d: %d deep", code, deep), asked(code, 1, jsonFields(), []byte(body)))
			}
		}
	}
}

// register is a registration with a body.
func register(version int, body []byte, more map[string]string) []byte {
	fields := jsonFields()
	fields["compressed"], fields["enableActingMaster"] = "true", "false"
	fields["bodyCrc32"] = strconv.Itoa(int(crc32.ChecksumIEEE(body) & math.MaxInt32))
	maps.Copy(fields, more)
	header := binaryHeader(codeRegisterBroker, 1, 0, fields)
	binary.BigEndian.PutUint16(header[3:], uint16(version))
	return framed(1, header, body)
}

// deflated compresses with zlib.
func deflated(parts ...[]byte) []byte {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	for _, p := range parts {
		w.Write(p)
	}
	w.Close()
	return out.Bytes()
}

// part is a text with its length in front.
func part(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func countField(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// registrations lie about what is in their compressed bodies.
func (v *victim) registrations() {
	version, none := part(`{"counter":1,"stateVersion":0,"timestamp":1}`), part("[]")
	good := deflated(version, countField(2), part("t1 4 4 6 SINGLE_TAG {}"), part("t2 4 4 6 SINGLE_TAG {}"), none, countField(0))
	bodies := [][]byte{good, good[:len(good)/2], good[:3], good[1:], append([]byte{0x78}, good...), []byte("x"), {0x78, 0x9c}}
	for _, n := range []uint32{3, 1000, 1 << 20, math.MaxInt32, 1 << 31, math.MaxUint32} {
		bodies = append(bodies, deflated(countField(n)), deflated(version, countField(n)), deflated(version, countField(n), part("t1 4 4 6 SINGLE_TAG {}"), none), deflated(version, countField(1), countField(n)),
			deflated(version, countField(0), countField(n)), deflated(version, countField(0), none, countField(n)), deflated(version, countField(0), none, countField(1), countField(n)))
	}
	for _, line := range []string{"", " ", "t", "t -1 -1 -1 X {}", "t 2147483648 1 1 X", "t 99999999999999999999 1 1 X {}", "t 1 1 6 SINGLE_TAG {", "../../t 1 1 6 SINGLE_TAG {}", "t\x00 1 1 6 X {}", "\xff\xfe 1 1 6 X {}",
		strings.Repeat("t", 1<<16) + " 1 1 6 X {}", `t 1 1 6 X {"a":` + strings.Repeat("[", 10_000)} {
		bodies = append(bodies, deflated(version, countField(1), part(line), none, countField(0)))
	}
	var frames [][]byte
	for _, body := range bodies {
		for _, v := range []int{0, 273, 401, 513, math.MaxInt16} {
			frames = append(frames, register(v, body, nil))
		}
	}
	for _, field := range []string{"brokerId", "heartbeatTimeoutMillis", "bodyCrc32"} {
		for _, n := range wrongNumberTexts() {
			frames = append(frames, register(513, good, map[string]string{field: n}))
		}
	}
	v.answered("registrations", frames...)
}

// longRegistrations have as many topics, or as many attributes of one, as fit into a frame.
func (v *victim) longRegistrations() {
	var table, config strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&table, `,"%x":{}`, i)
		fmt.Fprintf(&config, `,"%x":""`, i)
	}
	for what, body := range map[string]string{
		"topics":     `{"filterServerList":[],"topicConfigSerializeWrapper":{"topicConfigTable":{"a":{}` + table.String() + `}}}`,
		"attributes": `{"topicConfigSerializeWrapper":{"topicConfigTable":{"a":{"attributes":{"x":""` + config.String() + `}}}}}`,
		"mappings":   `{"topicConfigSerializeWrapper":{"topicQueueMappingInfoMap":{"a":{}` + table.String() + `}}}`,
		"servers":    `{"filterServerList":["x"` + strings.Repeat(`,""`, 5_000_000) + `]}`,
	} {
		v.answered(what, register(513, []byte(body), map[string]string{"compressed": "false", "brokerName": "hostile-" + what}))
	}
}

// registrationBombs are small and become large.
func (v *victim) registrationBombs() {
	version := part(`{"counter":1,"stateVersion":0,"timestamp":1}`)
	zeros := make([]byte, 1<<20)
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	w.Write(version)
	w.Write(countField(1))
	w.Write(countField(1 << 30))
	for range 256 {
		w.Write(zeros)
	}
	w.Close()
	bombs := map[string][]byte{"zeros": out.Bytes()}
	lines := make([][]byte, 0, 500_002)
	lines = append(lines, version, countField(500_000))
	for i := range 500_000 {
		lines = append(lines, part(strconv.FormatInt(int64(i), 36)+" 1 1 6 X"))
	}
	bombs["topics"] = deflated(append(lines, part("[]"), countField(0))...)
	bombs["attributes"] = deflated(version, countField(1), part(`t 1 1 6 X {"x":""`+manyPairs(1_500_000)+"}"), part("[]"), countField(0))
	bombs["mappings"] = deflated(version, countField(0), part("[]"), countField(1), part(`{"topic":"t","currIdMap":{0:0`+strings.Repeat(",1:1", 1<<20)+`}}`))
	for what, body := range bombs {
		v.answered(what, register(513, body, map[string]string{"brokerName": "hostile-" + what}))
	}
	for range 20 { // at once, on as many connections
		conn := v.dial()
		for range 5 {
			if _, err := conn.Write(register(513, bombs["zeros"], nil)); err != nil {
				v.t.Fatal(err)
			}
		}
	}
}

// grown are bodies that are small and become 128 MiB, by the system flag that names their kind.
func grown() map[int][]byte {
	const size = 128 << 20
	zeros := make([]byte, 1<<20)
	fill := func(w io.WriteCloser) {
		for range size / len(zeros) {
			w.Write(zeros)
		}
		w.Close()
	}
	const compressed = 1
	out := map[int][]byte{}
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	fill(z)
	out[compressed] = bytes.Clone(b.Bytes())
	out[compressed|3<<8] = out[compressed] // zlib, by name
	b.Reset()
	fill(lz4.NewWriter(&b))
	out[compressed|1<<8] = bytes.Clone(b.Bytes())
	b.Reset()
	s, _ := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	fill(s)
	out[compressed|2<<8] = bytes.Clone(b.Bytes())
	return out
}

// messageBombs are stored as they are; whoever shows their bodies must not hold them.
func (v *victim) messageBombs() {
	for flag, body := range grown() {
		fields := sendFields()
		fields["sysFlag"], fields["properties"] = strconv.Itoa(flag), "KEYS\x01bomb\x02UNIQ_KEY\x01BOMB"+strconv.Itoa(flag)+"\x02"
		v.answered("a body that grows", asked(codeSend, 1, fields, body))
		fields["sysFlag"] = strconv.Itoa(flag | 4<<8) // a kind that there is not
		v.answered("a body of no kind", asked(codeSend, 1, fields, body[:100]))
	}
	for range 4 {
		if text, err := v.page("/api/v1/messages?topic=" + hostileTopic + "&key=bomb"); err != nil || len(text) > 16<<20 {
			v.t.Logf("the messages are shown in %d bytes: %v", len(text), err)
		}
		if text, err := v.page("/api/v1/messages?" + url.Values{"topic": {hostileTopic}, "limit": {"100"}}.Encode()); err != nil || len(text) > 64<<20 {
			v.t.Logf("the topic is shown in %d bytes: %v", len(text), err)
		}
	}
	v.answered("a filter over them", asked(codePull, 1, with(pullFields(), map[string]string{"subscription": "a IS NULL", "expressionType": "SQL92"}), nil))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 64 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	v.answered("a body that says nothing of its growing", asked(codeSend, 1, sendFields(), b.Bytes()))
}

// batches lie about the messages in them.
func (v *victim) batches() {
	unit := func(total, magic, flag, body uint32, text string, properties uint16, more string) []byte {
		b := binary.BigEndian.AppendUint32(nil, total)
		b = append(binary.BigEndian.AppendUint32(b, magic), 0, 0, 0, 0)
		b = append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, flag), body), text...)
		return append(binary.BigEndian.AppendUint16(b, properties), more...)
	}
	good := unit(23, 0, 0, 1, "x", 0, "")
	bodies := [][]byte{nil, good, good[:10], append(good, good[:5]...), bytes.Repeat(good, 100_000), bytes.Repeat([]byte{0, 0, 0, 0}, 1000)}
	for _, n := range []uint32{0, 1, 22, 24, 1000, math.MaxInt32, 1 << 31, math.MaxUint32} {
		bodies = append(bodies, unit(n, 0, 0, 1, "x", 0, ""), unit(23, 0, 0, n, "x", 0, ""), unit(23, 0, 0, 1, "x", uint16(n), ""), append(append([]byte{}, good...), unit(n, n, n, n, "x", uint16(n), "yyyy")...))
	}
	var frames [][]byte
	for _, body := range bodies {
		for _, code := range []int{codeSendBatch, codeSendShort, codeSend} {
			frames = append(frames, asked(code, 1, map[string]string{"a": hostileGroup, "b": hostileTopic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "", "j": "0", "k": "false", "m": "true",
				"producerGroup": hostileGroup, "topic": hostileTopic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0", "bornTimestamp": "1", "flag": "0", "batch": "true"}, body))
		}
	}
	v.answered("batches", frames...)
}

// properties are those of messages that want what cannot be.
func (v *victim) properties() {
	var frames [][]byte
	for _, name := range []string{"DELAY", "TIMER_DELIVER_MS", "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "__STARTDELIVERTIME", "RECONSUME_TIME", "MAX_RECONSUME_TIMES", "CONSUME_START_TIME", "TRAN_MSG", "PGROUP", "INNER_NUM", "CORRELATION_ID",
		"REAL_QID", "REAL_TOPIC", "POP_CK", "CHECK_IMMUNITY_TIME_IN_SECONDS", "__SHARDINGKEY", "INNER_MULTI_DISPATCH", "__LITE_TOPIC", "__CRC32#", "WAIT", "UNIQ_KEY", "KEYS", "TAGS", "PUSH_REPLY_TIME", "TTL", "EXTEND_UNIQ_INFO", "PRIORITY"} {
		for _, value := range append(wrongNumberTexts(), "../../x", "a,b,../c", "\x00", "\xff\xfe", strings.Repeat("k ", 10_000), strings.Repeat(",", 10_000)) {
			fields := sendFields()
			fields["properties"] = name + "\x01" + value + "\x02"
			frames = append(frames, asked(codeSend, 1, fields, []byte("p")))
		}
	}
	for _, text := range []string{"\x01", "\x02", "\x01\x02", strings.Repeat("\x01", 1000), strings.Repeat("\x02", 1000), strings.Repeat("a\x01b\x02", 8000), strings.Repeat("k", 40_000), "no separator", "a\x01\x02", "\x01b\x02"} {
		fields := sendFields()
		fields["properties"] = text
		frames = append(frames, asked(codeSend, 1, fields, []byte("p")))
	}
	v.answered("properties", frames...)
	long := sendFields()
	long["properties"] = strings.Repeat("k", 4<<20)
	v.survived("4 MiB of properties", asked(codeSend, anyOpaque, long, []byte("p"))) // more than maxHeaderSize
}
