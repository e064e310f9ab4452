package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jsonFrame is a frame, without its length, with that JSON header.
func jsonFrame(header, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	return append(append(b, header...), body...)
}

// tell writes a decoded frame as text, for comparing.
func tell(f *Frame) string {
	var s strings.Builder
	fmt.Fprintf(&s, "enc=%d code=%d lang=%s version=%d opaque=%d flag=%d remark=%q", f.Encoding, f.Code, f.Language, f.Version,
		f.Opaque, f.Flag, f.Remark)
	for _, x := range f.Fields {
		fmt.Fprintf(&s, " %s=%q", x.Key, x.Value)
	}
	fmt.Fprintf(&s, " body=%q", f.Body)
	return s.String()
}

func decode(t *testing.T, frame []byte) string {
	t.Helper()
	var f Frame
	if err := DecodeFrame(frame, &f); err != nil {
		return err.Error()
	}
	return tell(&f)
}

func TestDecodeJSON(t *testing.T) {
	check := func(header, want string) {
		t.Helper()
		if got := decode(t, jsonFrame(header, "B")); got != want {
			t.Errorf("header %s\n got %s\nwant %s", header, got, want)
		}
	}
	// What the Java client sends for a route, and the Go client for the same.
	check(`{"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":513}`,
		`enc=0 code=105 lang=JAVA version=513 opaque=1 flag=0 remark="" topic="T" body="B"`)
	check(`{"code":105,"language":"GO","version":317,"opaque":2,"flag":0,"remark":"","extFields":{"topic":"T"}}`,
		`enc=0 code=105 lang=GO version=317 opaque=2 flag=0 remark="" topic="T" body="B"`)
	// A newline at the end, as jsoncpp writes it; numbers as strings; null members.
	check("{\"code\":\"34\", \"extFields\" : null ,\"flag\":null,\"language\":\"CPP\",\"opaque\":-7,\"remark\":null}\n",
		`enc=0 code=34 lang=CPP version=0 opaque=-7 flag=0 remark="" body="B"`)
	check("\t{ \"code\" : 1 ,\r\n \"version\":2}  ", `enc=0 code=1 lang=OTHER version=2 opaque=0 flag=0 remark="" body="B"`)
	// Unknown languages, by name and by number, and unknown members of every kind are no reason to refuse.
	check(`{"code":1,"language":"ZIG"}`, `enc=0 code=1 lang=OTHER version=0 opaque=0 flag=0 remark="" body="B"`)
	check(`{"code":1,"language":12}`, `enc=0 code=1 lang=RUST version=0 opaque=0 flag=0 remark="" body="B"`)
	check(`{"x":{"a":[1,{"b":"}\""}],"c":{}},"y":[],"z":-1.5e3,"t":true,"code":9}`,
		`enc=0 code=9 lang=OTHER version=0 opaque=0 flag=0 remark="" body="B"`)
	// Field values that are not strings.
	check(`{"extFields":{"a":1,"b":true,"c":null,"d":"","e":{"k":[1]},"f":-2.5},"code":1}`,
		`enc=0 code=1 lang=OTHER version=0 opaque=0 flag=0 remark="" a="1" b="true" d="" e="{\"k\":[1]}" f="-2.5" body="B"`)
	check(`{"extFields":{},"code":1}`, `enc=0 code=1 lang=OTHER version=0 opaque=0 flag=0 remark="" body="B"`)
	check(`{}`, `enc=0 code=0 lang=OTHER version=0 opaque=0 flag=0 remark="" body="B"`)
	// Escapes: properties, every letter, surrogate pairs, halves of them, and what must not be seen as an end.
	check(`{"extFields":{"i":"TAGS\u0001a\u0002KEYS\u0001k1\u0002"}}`,
		`enc=0 code=0 lang=OTHER version=0 opaque=0 flag=0 remark="" i="TAGS\x01a\x02KEYS\x01k1\x02" body="B"`)
	check(`{"remark":"\"\\\/\b\f\n\r\t\u00e9\u20AC\uD83D\uDE80."}`,
		`enc=0 code=0 lang=OTHER version=0 opaque=0 flag=0 remark="\"\\/\b\f\n\r\té€🚀." body="B"`)
	check(`{"remark":"\uD83D\uD83D\uDE80 \uDE80 \uD83Dx"}`,
		`enc=0 code=0 lang=OTHER version=0 opaque=0 flag=0 remark="�🚀 � �x" body="B"`)
	check("{\"extFields\":{\"p\":\"raw\x01control\"}}", `enc=0 code=0 lang=OTHER version=0 opaque=0 flag=0 remark="" p="raw\x01control" body="B"`)
	check(`{"extFields":{"k\u0041":"v\\"},"\u0063ode":5}`,
		`enc=0 code=5 lang=OTHER version=0 opaque=0 flag=0 remark="" kA="v\\" body="B"`)
}

func TestDecodeRefuses(t *testing.T) {
	check := func(frame []byte, part string) {
		t.Helper()
		var f Frame
		err := DecodeFrame(frame, &f)
		if !errors.Is(err, ErrFrame) || !strings.Contains(err.Error(), part) {
			t.Errorf("frame %q: error %v, want one with %q", frame, err, part)
		}
	}
	check(nil, "0 bytes")
	check([]byte{0, 0, 0}, "3 bytes")
	check([]byte{0, 0, 0, 1}, "header length 1 exceeds the 0 bytes")
	check([]byte{2, 0, 0, 0}, "header encoding 2")
	for _, header := range []string{"", "null", "[]", "{", `{"code"`, `{"code":`, `{"code":1`, `{"code":1,}`, `{"code":1}x`, `{"code":1}{}`,
		`{"code":2147483648}`, `{"code":"x"}`, `{"code":1.5}`, `{"code":99999999999999999999999}`, `{"remark":"\q"}`, `{"remark":"\u12"}`,
		`{"remark":"\u12g4"}`, `{"remark":"abc`, `{"remark":"abc\`, `{code:1}`, `{"extFields":[]}`, `{"extFields":{"a":}}`, `{"remark":nul}`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"} {
		check(jsonFrame(header, ""), "JSON header of")
	}
	many := strings.Repeat(`"a":"b",`, maxFields+1)
	check(jsonFrame(`{"extFields":{`+many[:len(many)-1]+`}}`, ""), "more than 4096 extra fields")
	good := AppendFrame(nil, &Frame{Encoding: Binary, Remark: "r", Fields: Fields{{[]byte("k"), []byte("v")}}})[8:]
	for n := range good {
		frame := append([]byte{1, 0, 0, byte(n)}, good[:n]...)
		check(frame, "")
	}
	check(append([]byte{1, 0, 0, byte(len(good) + 1)}, append(good, 0)...), "do not end")
}

func TestBinaryHeader(t *testing.T) {
	// code 310, GO, version 317, opaque 258, flag 0, remark "hé", topic → T; an empty value is absent.
	golden := []byte("\x00\x00\x00\x3a\x01\x00\x00\x34" +
		"\x01\x36\x09\x01\x3d\x00\x00\x01\x02\x00\x00\x00\x00" +
		"\x00\x00\x00\x03h\xc3\xa9" +
		"\x00\x00\x00\x1c\x00\x05topic\x00\x00\x00\x01T\x00\x04none\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"BY")
	want := `enc=1 code=310 lang=GO version=317 opaque=258 flag=0 remark="hé" topic="T" body="BY"`
	if got := decode(t, golden[4:]); got != want {
		t.Errorf("decoded\n got %s\nwant %s", got, want)
	}
	var f Frame
	if err := DecodeFrame(golden[4:], &f); err != nil {
		t.Fatal(err)
	}
	f.Fields.Add("empty", "")
	again := AppendFrame(nil, &f)
	if got := decode(t, again[4:]); got != want {
		t.Errorf("encoded and decoded\n got %s\nwant %s", got, want)
	}
	if got := int(binary.BigEndian.Uint32(again)); got != len(again)-4 {
		t.Errorf("length field %d of a frame of %d bytes", got, len(again))
	}
}

func TestBinaryWrappedCodes(t *testing.T) {
	check := func(code, flag, want int32) {
		t.Helper()
		var f Frame
		if err := DecodeFrame(AppendFrame(nil, &Frame{Encoding: Binary, Code: code, Flag: flag})[4:], &f); err != nil || f.Code != want {
			t.Errorf("code %d with flag %d: got %d, %v, want %d", code, flag, f.Code, err, want)
		}
	}
	check(200050, 0, 200050)
	check(200056, 0, 200056)
	check(200151, 0, 200151)
	check(200076, FlagOneway, 200076)
	check(3442, 0, 200050)
	check(3442, FlagResponse, 3442)
	check(3010, 0, 3010)
	check(-1006, FlagResponse, -1006)
	check(0, 0, 0)
}

func TestEncodeJSONGolden(t *testing.T) {
	check := func(f Frame, want string) {
		t.Helper()
		got := AppendFrame(nil, &f)
		if diff := cmp.Diff(string(jsonFrame(want, string(f.Body))), string(got[4:])); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	check(Frame{Code: 0, Language: LanguageJava, Version: 513, Opaque: 1, Flag: 1},
		`{"code":0,"flag":1,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":513}`)
	fields := Fields{}
	fields.Add("msgId", "7F00000100002A9F0000000000000000")
	fields.AddInt("queueId", 3)
	fields.AddInt("queueOffset", 1<<40)
	fields.AddBool("ok", true)
	fields.Add("empty", "")
	fields = append(fields, Field{Key: []byte("absent")})
	check(Frame{Code: 1, Language: LanguageGo, Opaque: -1, Flag: 1, Remark: "a\"b\\c\x01\x1f\n\r\té\xff☃🚀", Fields: fields, Body: []byte("xyz")},
		`{"code":1,"extFields":{"msgId":"7F00000100002A9F0000000000000000","queueId":"3","queueOffset":"1099511627776","ok":"true","empty":""},`+
			`"flag":1,"language":"GO","opaque":-1,"remark":"a\"b\\c\u0001\u001f\n\r\té�☃🚀","serializeTypeCurrentRPC":"JSON","version":0}`)
}

func TestReplyAndClone(t *testing.T) {
	f := Frame{Encoding: Binary, Code: 10, Opaque: 9, Flag: FlagOneway, Fields: Fields{{[]byte("k"), []byte("v")}}, Body: []byte("body")}
	c := f.Clone()
	f.Fields[0].Value[0], f.Body[0] = 'X', 'X'
	if string(c.Fields[0].Value) != "v" || string(c.Body) != "body" {
		t.Errorf("the clone changed with its original: %s", tell(c))
	}
	r := f.Reply(ResSystemError, "why")
	if !r.IsResponse() || !r.IsOneway() || r.Opaque != 9 || r.Encoding != Binary || r.Version != CurrentVersion || r.Remark != "why" {
		t.Errorf("reply %s", tell(&r))
	}
	f.Flag = 0
	if r := f.Reply(0, ""); r.Flag != FlagResponse {
		t.Errorf("reply flag %d", r.Flag)
	}
}

func TestFieldValues(t *testing.T) {
	fs := Fields{}
	fs.Add("n", "-12")
	fs.Add("big", "4294967296")
	fs.Add("bad", "1x")
	fs.Add("none", "")
	fs.Add("t", "True")
	fs.Add("min", "-9223372036854775808")
	fs.Add("over", "9223372036854775808")
	check := func(name string, want int64, ok, good bool) {
		t.Helper()
		v, has, err := fs.Int64(name)
		if v != want || has != ok || (err == nil) != good {
			t.Errorf("Int64(%s) = %d, %v, %v", name, v, has, err)
		}
	}
	check("n", -12, true, true)
	check("big", 1<<32, true, true)
	check("min", -1<<63, true, true)
	check("over", 0, true, false)
	check("bad", 0, true, false)
	check("none", 0, true, false)
	check("absent", 0, false, true)
	if _, ok, err := fs.Int32("big"); !ok || err == nil {
		t.Error("Int32 took 2^32")
	}
	if v, ok := fs.Bool("t"); !v || !ok {
		t.Error("Bool(True) is not true")
	}
	scratch := fs.AddIntIn(make([]byte, 0, 40), "a", -5)
	_ = fs.AddIntIn(scratch, "b", 77)
	if fs.String("a") != "-5" || fs.String("b") != "77" {
		t.Errorf("AddIntIn: %q %q", fs.String("a"), fs.String("b"))
	}
}

func TestLanguagesAndVersions(t *testing.T) {
	for l := LanguageJava; l < languages; l++ {
		if LanguageOf([]byte(l.String())) != l {
			t.Errorf("language %s is not its own name's", l)
		}
	}
	check := func(v int32, want string) {
		t.Helper()
		if got := VersionName(v); got != want {
			t.Errorf("VersionName(%d) = %s, want %s", v, got, want)
		}
	}
	check(212, "V4_0_0_SNAPSHOT")
	check(232, "V4_1_0_SNAPSHOT")
	check(401, "V4_9_4")
	check(413, "V5_0_0")
	check(513, "V5_5_0")
	check(611, "V5_9_9")
	check(612, "HIGHER_VERSION")
	check(121, "V3(121)")
}

const javaSendHeader = `{"code":310,"extFields":{"a":"producer_group","b":"BenchmarkTest","c":"TBW102","d":"4","e":"3","f":"0","g":"1758000000000",` +
	`"h":"0","i":"UNIQ_KEY\u00017F000001A1B2C3D4E5F600000001\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002KEYS\u0001order-1234567","j":"0","k":"false","m":"false",` +
	`"n":"broker-a"},"flag":0,"language":"JAVA","opaque":123456,"serializeTypeCurrentRPC":"JSON","version":513}`

func TestSendPathDoesNotAllocate(t *testing.T) {
	original := jsonFrame(javaSendHeader, strings.Repeat("x", 1024))
	frame := make([]byte, len(original))
	f := Frame{Fields: make(Fields, 0, 16)}
	if n := testing.AllocsPerRun(100, func() {
		copy(frame, original)
		if err := DecodeFrame(frame, &f); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("decoding a send request allocates %v times", n)
	}
	if got, _ := f.Fields.Get("i"); string(got[:9]) != "UNIQ_KEY\x01" {
		t.Errorf("properties %q", got)
	}
	dst, scratch, answer := make([]byte, 0, 1024), make([]byte, 0, 64), Fields{}
	answer = make(Fields, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		r := f.Reply(0, "")
		answer = answer[:0]
		answer.Add("MSG_REGION", "DefaultRegion")
		s := answer.AddIntIn(scratch, "queueId", 3)
		_ = answer.AddIntIn(s, "queueOffset", 123456789)
		r.Fields = answer
		dst = AppendFrame(dst[:0], &r)
	}); n != 0 {
		t.Errorf("encoding a send response allocates %v times", n)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add(jsonFrame(javaSendHeader, "body"))
	f.Add(jsonFrame(`{"code":1,"extFields":{"a":1,"b":null,"c":{"x":[]}},"remark":"\ud83d\ude80\u0001"}`, ""))
	f.Add(AppendFrame(nil, &Frame{Encoding: Binary, Code: 200050, Remark: "r", Fields: Fields{{[]byte("k"), []byte("v")}}, Body: []byte("b")})[4:])
	f.Add([]byte{1, 0, 0, 21, 255, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, c Frame
		if DecodeFrame(b, &a) != nil {
			return
		}
		whole := AppendFrame(nil, &a)
		if err := DecodeFrame(whole[4:], &c); err != nil {
			t.Fatalf("what was decoded is encoded as something that is not: %v\n%s", err, tell(&a))
		}
		// Encoding replaces what is no UTF-8 and drops what is absent: from there on nothing changes.
		if again := AppendFrame(nil, &c); string(again) != string(AppendFrame(nil, c.Clone())) {
			t.Fatal("a clone is encoded differently")
		} else if len(c.Body) != len(a.Body) || c.Opaque != a.Opaque || c.Flag != a.Flag {
			t.Fatalf("changed by encoding:\n%s\n%s", tell(&a), tell(&c))
		}
	})
}

func BenchmarkDecodeSend(b *testing.B) {
	original := jsonFrame(javaSendHeader, strings.Repeat("x", 1024))
	frame := make([]byte, len(original))
	f := Frame{Fields: make(Fields, 0, 16)}
	for b.Loop() {
		copy(frame[:4+len(javaSendHeader)], original)
		if err := DecodeFrame(frame, &f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendSendResponse(b *testing.B) {
	f := Frame{Version: CurrentVersion, Flag: FlagResponse}
	f.Fields.Add("msgId", "7F00000100002A9F0000000000000000")
	f.Fields.AddInt("queueId", 3)
	f.Fields.AddInt("queueOffset", 123456789)
	dst := make([]byte, 0, 1024)
	for b.Loop() {
		dst = AppendFrame(dst[:0], &f)
	}
}

func TestBinaryHeadInParts(t *testing.T) {
	whole := Frame{Encoding: Binary, Code: ReqSendMessageV2, Language: LanguageGo, Version: CurrentVersion, Opaque: 7, Body: []byte("body")}
	whole.Fields.Add("a", "group")
	part := whole
	part.Opaque = 0
	whole.Fields.Add("i", "properties")
	head := AppendHead([]byte("before"), &part, 0)
	head = AppendBinaryField(head, "i", []byte("properties"))
	head = AppendBinaryField(head, "l", nil)
	frame := head[len("before"):]
	SealBinary(frame, len(whole.Body))
	StampOpaque(frame, 7)
	whole.Code, whole.Flag = ReqSendBatchMessage, FlagOneway
	StampBinary(frame, whole.Code, whole.Flag)
	if got, want := append(frame, whole.Body...), AppendFrame(nil, &whole); !bytes.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
