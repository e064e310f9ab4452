package interop

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Flags of a frame.
const (
	flagResponse = 1
	flagOneway   = 2
)

// lastOpaque is the number of the request behind an attack, whose answer shows that the server has gone through all before it.
const lastOpaque = 1 << 30

// anyOpaque gives a request a number of its own.
const anyOpaque = 1

var askedSoFar atomic.Int32

// framed puts the lengths in front of a header, which is in JSON (0) or binary (1), and a body.
func framed(encoding byte, header, body []byte) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(header)+len(body)))
	frame = append(frame, encoding, byte(len(header)>>16), byte(len(header)>>8), byte(len(header)))
	return append(append(frame, header...), body...)
}

// jsonHeader is a header with the text between the braces of its fields.
func jsonHeader(code, opaque, flag int, fields string) []byte {
	return fmt.Appendf(nil, `{"code":%d,"language":"GO","version":513,"opaque":%d,"flag":%d,"extFields":{%s},"serializeTypeCurrentRPC":"JSON"}`, code, opaque, flag, fields)
}

// binaryHeader is a header that takes any bytes in its fields.
func binaryHeader(code, opaque, flag int, fields map[string]string) []byte {
	var pairs []byte
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(binary.BigEndian.AppendUint16(pairs, uint16(len(name))), name...)
		pairs = append(binary.BigEndian.AppendUint32(pairs, uint32(len(fields[name]))), fields[name]...)
	}
	header := binary.BigEndian.AppendUint16(nil, uint16(code))
	header = binary.BigEndian.AppendUint16(append(header, 9), 513) // 9: GO
	header = binary.BigEndian.AppendUint32(header, uint32(opaque))
	header = binary.BigEndian.AppendUint32(header, uint32(flag))
	header = binary.BigEndian.AppendUint32(header, 0) // no remark
	return append(binary.BigEndian.AppendUint32(header, uint32(len(pairs))), pairs...)
}

// asked is a request as a frame whose fields may hold any bytes.
func asked(code, opaque int, fields map[string]string, body []byte) []byte {
	if opaque == anyOpaque { // acts under one number at once are refused: see sameOpaque
		opaque = int(askedSoFar.Add(1)) + anyOpaque
	}
	return framed(1, binaryHeader(code, opaque, 0, fields), body)
}

// readOpaque reads an answer in either encoding and returns its number and its code.
func readOpaque(r io.Reader) (opaque, code int, err error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return 0, 0, err
	}
	total, header := int(binary.BigEndian.Uint32(lengths[:])), int(binary.BigEndian.Uint32(lengths[4:])&0xffffff)
	if total < 4+header || total > 64<<20 {
		return 0, 0, fmt.Errorf("an answer of %d bytes with a header of %d", total, header)
	}
	rest := make([]byte, total-4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, 0, err
	}
	if lengths[4] == 1 {
		if header < 13 {
			return 0, 0, fmt.Errorf("an answer with a binary header of %d bytes", header)
		}
		return int(int32(binary.BigEndian.Uint32(rest[5:]))), int(int16(binary.BigEndian.Uint16(rest))), nil
	}
	var got struct{ Opaque, Code int }
	err = json.Unmarshal(rest[:header], &got)
	return got.Opaque, got.Code, err
}

// askedLast is the request behind an attack.
func askedLast() []byte {
	return asked(codeGetRoute, lastOpaque, map[string]string{"topic": "TBW102"}, nil)
}

// errRefused reports that the server has closed the connection instead of answering.
var errRefused = errors.New("the server has closed the connection")

// through sends frames and one request more, and returns how often the server has answered the frames when it answers that one.
func (v *victim) through(frames ...[]byte) (answers int, err error) {
	v.t.Helper()
	conn := v.dial()
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, f := range frames {
			if _, err := conn.Write(f); err != nil {
				return
			}
		}
		conn.Write(askedLast())
	}()
	defer func() {
		conn.Close()
		<-sent
	}()
	for {
		opaque, _, err := readOpaque(conn)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return answers, fmt.Errorf("%d answers, and no more within %v", answers, attackLimit)
		}
		if err != nil {
			return answers, errRefused
		}
		if opaque == lastOpaque {
			return answers, nil
		}
		answers++
	}
}

// answered fails unless the server goes through all frames and keeps the connection.
func (v *victim) answered(what string, frames ...[]byte) {
	v.t.Helper()
	if _, err := v.through(frames...); err != nil {
		v.t.Errorf("%.80s: %v", what, err)
	}
}

// survived fails unless the server goes through all frames, or closes the connection at one of them.
func (v *victim) survived(what string, frames ...[]byte) {
	v.t.Helper()
	if _, err := v.through(frames...); err != nil && !errors.Is(err, errRefused) {
		v.t.Errorf("%.80s: %v", what, err)
	}
}

// refused fails unless the server closes the connection without an answer to the frames.
func (v *victim) refused(what string, frames ...[]byte) {
	v.t.Helper()
	if answers, err := v.through(frames...); !errors.Is(err, errRefused) || answers > 0 {
		v.t.Errorf("%.80s: %d answers, %v; the connection is to be closed", what, answers, err)
	}
}

func frameAttacks() []attack {
	return []attack{
		{"torn frames", (*victim).tearFrames},
		{"wrong lengths", (*victim).wrongLengths},
		{"headers in JSON", (*victim).jsonHeaders},
		{"headers in binary", (*victim).binaryHeaders},
		{"one number for all requests", (*victim).sameOpaque},
		{"responses that nobody asked for", (*victim).responses},
	}
}

// tearFrames ends a connection behind each byte of a request, in good order and by a reset.
func (v *victim) tearFrames() {
	frame := asked(codeSend, 1, sendFields(), []byte("torn"))
	for cut := range len(frame) {
		conn := v.dial()
		if _, err := conn.Write(frame[:cut]); err != nil {
			v.t.Fatal(err)
		}
		if cut%2 == 1 {
			conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
}

// wrongLengths lies about the length of the frame, and of the header in it.
func (v *victim) wrongLengths() {
	good := asked(codeGetRoute, 1, map[string]string{"topic": hostileTopic}, nil)
	for _, total := range []uint32{0, 1, 3, 16<<20 + 1, 1<<24 + 1<<20, math.MaxInt32, 1 << 31, math.MaxUint32, math.MaxUint32 - 3} {
		frame := slices.Clone(good)
		binary.BigEndian.PutUint32(frame, total)
		v.refused(fmt.Sprintf("a frame of %d bytes", total), frame)
	}
	for _, header := range []uint32{0, 1, 20, uint32(len(good)) - 7, 0xffffff, 0x7fffff} {
		frame := slices.Clone(good)
		binary.BigEndian.PutUint32(frame[4:], 1<<24|header)
		v.refused(fmt.Sprintf("a header of %d bytes", header), frame)
	}
	for _, encoding := range []byte{2, 3, 127, 128, 255} {
		frame := slices.Clone(good)
		frame[4] = encoding
		v.refused(fmt.Sprintf("encoding %d", encoding), frame)
	}
	frame := slices.Clone(good) // which ends in the middle of the header
	binary.BigEndian.PutUint32(frame, uint32(len(good))-4-7)
	v.refused("a frame that is shorter than its header", frame)
}

// jsonHeaders are headers that cost more than they are worth, or are none.
func (v *victim) jsonHeaders() {
	const large = 8 << 20
	head := func(fields string) []byte { return framed(0, jsonHeader(codeGetRoute, 1, 0, fields), nil) }
	raw := func(text string) []byte { return framed(0, []byte(text), nil) }
	for what, frame := range map[string][]byte{
		"an empty header":           raw(""),
		"null":                      raw("null"),
		"an array":                  raw("[]"),
		"no end":                    raw(`{"code":105,`),
		"a text without end":        raw(`{"code":105,"remark":"` + strings.Repeat("x", 1000)),
		"arrays in arrays":          raw(`{"x":` + strings.Repeat("[", 100_000)),
		"objects in objects":        raw(`{"x":` + strings.Repeat(`{"x":`, 100_000)),
		"closed arrays in arrays":   raw(`{"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`),
		"many fields":               head(`"topic":"T"` + manyPairs(400_000)),
		"many members":              raw(`{"code":105` + manyPairs(400_000) + `}`),
		"the same field again":      head(`"topic":"T"` + strings.Repeat(`,"topic":"T"`, 400_000)),
		"a large value":             head(`"topic":"` + strings.Repeat("t", large) + `"`),
		"a large name":              head(`"` + strings.Repeat("t", large) + `":"T"`),
		"a large remark":            raw(`{"code":105,"remark":"` + strings.Repeat("r", large) + `"}`),
		"a large number":            raw(`{"code":1` + strings.Repeat("0", large) + `}`),
		"a number beyond 32 bits":   raw(`{"code":4294967401}`),
		"a number with an exponent": raw(`{"code":1e999999999}`),
		"escapes":                   head(`"topic":"` + strings.Repeat(`\u0000\ud800\uffff`, 100_000) + `"`),
		"a broken escape":           head(`"topic":"\u00`),
		"invalid UTF-8":             head("\"topic\":\"\xff\xfe\xc0\x80\xed\xa0\x80\""),
		"white space":               raw(strings.Repeat(" ", large) + `{"code":105}`),
		"text behind":               raw(`{"code":105}{"code":105}`),
	} {
		v.survived(what, frame)
	}
}

// manyPairs are members, each with a comma in front.
func manyPairs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%x":"%d"`, i, i%10)
	}
	return b.String()
}

// binaryHeaders lie about the lengths of what is in them.
func (v *victim) binaryHeaders() {
	good := binaryHeader(codeGetRoute, 1, 0, map[string]string{"topic": hostileTopic})
	const remark, pairs, name, value = 13, 17, 21, 28
	lies := []uint32{1, 5, 1000, 1 << 24, math.MaxInt32, 1 << 31, math.MaxUint32, math.MaxUint32 - 100}
	for _, n := range lies {
		for _, at := range []int{remark, pairs, value} {
			header := slices.Clone(good)
			binary.BigEndian.PutUint32(header[at:], n)
			v.refused(fmt.Sprintf("%d at byte %d", n, at), framed(1, header, nil))
		}
	}
	for _, n := range []uint16{0, 1, 4, 6, 1000, math.MaxInt16, 1 << 15, math.MaxUint16} {
		header := slices.Clone(good)
		binary.BigEndian.PutUint16(header[name:], n)
		v.survived(fmt.Sprintf("a name of %d bytes", n), framed(1, header, nil))
	}
	for cut := range len(good) {
		v.refused(fmt.Sprintf("a header of %d bytes", cut), framed(1, good[:cut], nil))
	}
	many := map[string]string{}
	for i := range 5000 {
		many[fmt.Sprint("f", i)] = "x"
	}
	v.survived("5000 fields", asked(codeGetRoute, 1, many, nil))
	var empty []byte // pairs that are left out, since both of their texts are empty
	for range 1 << 20 {
		empty = append(empty, 0, 0, 0, 0, 0, 0)
	}
	header := binary.BigEndian.AppendUint32(slices.Clone(good[:pairs]), uint32(len(empty)))
	v.survived("a million empty fields", framed(1, append(header, empty...), nil))
}

// sameOpaque asks many things under one number: each is answered.
func (v *victim) sameOpaque() {
	const times = 1000
	var frames [][]byte
	for range times {
		frames = append(frames, asked(codeGetRoute, 7, map[string]string{"topic": hostileTopic}, nil), asked(codeSend, 7, sendFields(), []byte("x")))
	}
	conn := v.dial()
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, f := range frames {
			conn.Write(f)
		}
	}()
	for i := range frames {
		if opaque, _, err := readOpaque(conn); err != nil || opaque != 7 {
			v.t.Errorf("answer %d of %d: number %d, %v", i, len(frames), opaque, err)
			conn.Close()
			break
		}
	}
	<-sent
}

// responses are answers to requests that the server has not made, and requests that want no answer.
func (v *victim) responses() {
	var frames [][]byte
	for i := range 5000 {
		opaque := []int{i, -i, math.MaxInt32, math.MinInt32, 0}[i%5]
		frames = append(frames, framed(byte(i%2), [][]byte{jsonHeader(0, opaque, flagResponse, ""), binaryHeader(i, opaque, flagResponse, nil)}[i%2], []byte("x")),
			framed(1, binaryHeader(codeGetRoute, opaque, flagResponse|flagOneway, nil), nil),
			framed(1, binaryHeader(-1, opaque, flagOneway, nil), nil))
	}
	answers, err := v.through(frames...)
	if err != nil || answers > 0 {
		v.t.Errorf("%d answers, %v", answers, err)
	}
}

// sendFields are the fields of a message.
func sendFields() map[string]string {
	return map[string]string{"producerGroup": hostileGroup, "topic": hostileTopic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0",
		"bornTimestamp": fmt.Sprint(time.Now().UnixMilli()), "flag": "0", "properties": "", "reconsumeTimes": "0", "unitMode": "false", "maxReconsumeTimes": "16"}
}
