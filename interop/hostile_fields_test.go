package interop

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func fieldAttacks() []attack {
	return []attack{
		{"numbers", (*victim).wrongNumbers},
		{"missing fields", (*victim).missingFields},
		{"names", (*victim).wrongNames},
		{"handles", (*victim).wrongHandles},
		{"filters", (*victim).wrongFilters},
		{"every code", (*victim).everyCode},
	}
}

// wrongNumberTexts are what a field of numbers should not hold.
func wrongNumberTexts() []string {
	return []string{"-1", "-2", "-2147483648", "-2147483649", "-9223372036854775808", "-9223372036854775809", "2147483647", "2147483648", "4294967295", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "", " ", "x", "1e9", "1.5", "NaN", "Infinity", "0x10", " 1", "1 ", "+1", "--1", "\u0663", "true", "1\x00", "\xff", strings.Repeat("9", 10_000), strings.Repeat("0", 10_000) + "1"}
}

// with is fields with others in their place.
func with(fields, more map[string]string) map[string]string {
	fields = maps.Clone(fields)
	maps.Copy(fields, more)
	return fields
}

func pullFields() map[string]string {
	return map[string]string{"consumerGroup": hostileGroup, "topic": hostileTopic, "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
		"suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0", "expressionType": "TAG", "maxMsgBytes": "262144"}
}

// handleText is what a consumer that pops names a message by.
const handleText = "0 1700000000000 60000 0 0 broker-a 0 0"

// exchange is a kind of request with all of its fields.
type exchange struct {
	code   int
	fields map[string]string
}

func exchanges() []exchange {
	queue := map[string]string{"topic": hostileTopic, "queueId": "0"}
	group := with(queue, map[string]string{"consumerGroup": hostileGroup})
	short := map[string]string{}
	for i, name := range []string{"producerGroup", "topic", "defaultTopic", "defaultTopicQueueNums", "queueId", "sysFlag", "bornTimestamp", "flag", "properties", "reconsumeTimes", "unitMode", "maxReconsumeTimes"} {
		short[string(rune('a'+i))] = sendFields()[name]
	}
	pop := with(group, map[string]string{"maxMsgNums": "32", "invisibleTime": "60000", "pollTime": "0", "bornTime": "1", "initMode": "0", "expType": "TAG", "exp": "*", "order": "false"})
	handle := with(group, map[string]string{"extraInfo": handleText, "offset": "0", "invisibleTime": "1000"})
	return []exchange{
		{codeSend, sendFields()}, {codeSendShort, short}, {codeSendBatch, with(short, map[string]string{"m": "true"})}, {codePull, pullFields()}, {361, pullFields()},
		{12, map[string]string{"topic": hostileTopic, "key": "k", "maxNum": "32", "beginTimestamp": "0", "endTimestamp": "9223372036854775807"}},
		{codeQueryConsumerOffset, group}, {15, with(group, map[string]string{"commitOffset": "0"})},
		{codeCreateTopic, map[string]string{"topic": "hostile-made", "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}},
		{29, with(queue, map[string]string{"timestamp": "1"})}, {30, queue}, {31, queue}, {32, queue}, {33, map[string]string{"offset": "0"}},
		{36, map[string]string{"offset": "0", "group": hostileGroup, "delayLevel": "3", "originMsgId": "m", "originTopic": hostileTopic, "maxReconsumeTimes": "16", "unitMode": "false"}},
		{37, map[string]string{"topic": hostileTopic, "producerGroup": hostileGroup, "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8", "fromTransactionCheck": "false", "msgId": "m", "transactionId": "t"}},
		{222, map[string]string{"topic": hostileTopic, "group": hostileGroup, "timestamp": "-1", "isForce": "true", "offset": "-1", "queueId": "-1"}},
		{308, map[string]string{"topic": hostileTopic, "filterGroups": hostileGroup, "compareGroup": hostileGroup}},
		{321, with(queue, map[string]string{"index": "0", "count": "10", "consumerGroup": hostileGroup})},
		{904, map[string]string{"clusterName": "c", "brokerAddr": "10.9.8.7:1", "brokerName": "b", "brokerId": "1", "epoch": "1", "maxOffset": "1", "confirmOffset": "1", "heartbeatTimeoutMills": "1", "electionPriority": "1"}},
		{200050, pop}, {200051, handle}, {200052, pop}, {200053, handle}, {200054, pop}, {200055, group}, {200056, handle}, {200070, pop},
	}
}

// wrongNumbers puts each of those texts into each field of each request. Some of those requests are held; the end of their connection ends them.
func (v *victim) wrongNumbers() {
	for _, e := range exchanges() {
		var frames [][]byte
		for _, field := range slices.Sorted(maps.Keys(e.fields)) {
			for _, n := range wrongNumberTexts() {
				frames = append(frames, asked(e.code, 1, with(e.fields, map[string]string{field: n}), []byte("n")))
			}
		}
		v.answered(fmt.Sprint("numbers of ", e.code), frames...)
	}
}

// missingFields leaves out each field, all but each, and all.
func (v *victim) missingFields() {
	for _, e := range exchanges() {
		frames := [][]byte{asked(e.code, 1, nil, nil)}
		for field, value := range e.fields {
			left := maps.Clone(e.fields)
			delete(left, field)
			frames = append(frames, asked(e.code, 1, left, nil), asked(e.code, 1, map[string]string{field: value}, nil))
		}
		v.answered(fmt.Sprint("fields of ", e.code), frames...)
	}
}

// mark is in all names of wrongNames, to find what they have left behind.
const mark = "evil"

func wrongNameTexts() []string {
	out := []string{"../" + mark, "../../../../tmp/" + mark, mark + "/../../x", "/" + mark, "/etc/" + mark, mark + "/b", `..\` + mark, `C:\` + mark, "./" + mark, mark + "\x00b", "\x00" + mark, mark + "\n", mark + "\r\nSet-Cookie: x", mark + "\x01x\x02",
		"\xff\xfe" + mark, mark + "\xc0\xae\xc0\xae/", mark + "%2e%2e%2f", mark + "%00", "%RETRY%../" + mark, "%DLQ%/" + mark, "%LMQ%../" + mark, "$" + mark, "`" + mark + "`", "$(" + mark + ")", mark + ";id", mark + "|id", "<script>" + mark, "'" + mark + "\"--",
		"\u202e" + mark, mark + "\ufeff", mark + "@x", mark + "#x", mark + "*", "${jndi:" + mark + "}", "rmq_sys_" + mark, "TBW102/" + mark}
	for _, size := range []int{127, 128, 254, 255, 256, 32767, 32768, 65536} {
		out = append(out, mark+strings.Repeat("n", size-len(mark)))
	}
	return out
}

// wrongNames uses each of those texts as a topic, a group, a client, a broker, a key: no file has it in its name, nor lies where none should.
func (v *victim) wrongNames() {
	places := func() (all []string) {
		err := filepath.WalkDir(v.s.store.dir, func(path string, _ fs.DirEntry, err error) error {
			all = append(all, path)
			return nil // files come and go
		})
		if err != nil {
			v.t.Fatal(err)
		}
		return all
	}
	for _, e := range exchanges() {
		var frames [][]byte
		for field := range e.fields {
			if strings.ContainsAny(e.fields[field], "abcdefghijklmnopqrstuvwxyz*") {
				for _, name := range wrongNameTexts() {
					frames = append(frames, asked(e.code, 1, with(e.fields, map[string]string{field: name}), []byte("n")))
				}
			}
		}
		v.answered(fmt.Sprint("names in ", e.code), frames...)
	}
	var frames [][]byte
	for _, name := range wrongNameTexts() {
		for _, code := range []int{100, 101, 102, 104, 105, 201, 203, 204, 206, 215, 216, 224, 300, 301, 303, 310, 312, 316, 319, 327, 328, 353} {
			frames = append(frames, asked(code, 1, map[string]string{"namespace": name, "key": name, "value": name, "topic": name, "group": name, "consumerGroup": name, "clusterName": name, "cluster": name, "brokerName": name, "brokerAddr": name,
				"brokerId": "1", "clientId": name, "statsName": name, "statsKey": name, "originTopic": name, "topicName": name, "groupName": name, "readable": "false"}, nil))
		}
		text := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		body := fmt.Appendf(nil, `{"clientID":%[1]s,"producerDataSet":[{"groupName":%[1]s}],"consumerDataSet":[{"groupName":%[1]s,"subscriptionDataSet":[{"topic":%[1]s,"subString":%[1]s}]}]}`, text)
		frames = append(frames, asked(34, 1, nil, body), asked(codeCreateGroup, 1, nil, []byte(`{"groupName":`+text+`}`)), asked(46, 1, nil, body))
	}
	v.answered("names", frames...)
	long := strings.Repeat("n", 8<<20)
	v.survived("names of 8 MiB", asked(codeSend, 1, with(sendFields(), map[string]string{"topic": long}), nil), asked(codeGetRoute, 1, map[string]string{"topic": long}, nil),
		asked(codePull, 1, with(pullFields(), map[string]string{"consumerGroup": long}), nil), asked(codeCreateTopic, 1, map[string]string{"topic": long}, nil))
	for _, path := range places() {
		if strings.Contains(path, mark) {
			v.t.Errorf("there is a file %q", path)
		}
	}
	inside, err := os.ReadDir(v.s.store.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, e := range inside {
		if e.Name() != "data" && e.Name() != "aerobee.log" {
			v.t.Errorf("there is %s beside the store", e.Name())
		}
	}
}

// wrongHandles are what consumers name messages by that nobody gave them.
func (v *victim) wrongHandles() {
	var frames [][]byte
	words := strings.Fields(handleText)
	var handles []string
	for i := range words {
		for _, n := range wrongNumberTexts() {
			wrong := slices.Clone(words)
			wrong[i] = n
			handles = append(handles, strings.Join(wrong, " "))
		}
		handles = append(handles, strings.Join(words[:i], " "))
	}
	handles = append(handles, strings.Repeat("1 ", 100_000), strings.Repeat(handleText+";", 1000))
	for _, h := range handles {
		for _, code := range []int{200051, 200053, 200056} {
			frames = append(frames, asked(code, 1, map[string]string{"consumerGroup": hostileGroup, "topic": hostileTopic, "queueId": "0", "offset": "0", "invisibleTime": "1000", "extraInfo": h}, nil))
		}
	}
	for _, id := range append(wrongNameTexts(), wrongNumberTexts()...) {
		frames = append(frames, asked(370, 1, map[string]string{"topic": hostileTopic, "producerGroup": hostileGroup, "recallHandle": id}, nil),
			asked(12, 1, map[string]string{"topic": hostileTopic, "key": id, "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1", "indexType": id, "lastKey": id, "_UNIQUE_KEY_QUERY": id}, nil))
	}
	for _, n := range []string{"-1", "2147483647", "9223372036854775807", "1e400", "[]", `"x"`} {
		frames = append(frames, asked(200151, 1, nil, fmt.Appendf(nil, `{"bn":"broker-a","as":[{"c":%q,"t":%q,"r":"0","so":%s,"q":%s,"rq":%s,"pt":%s,"it":%s,"bn":"broker-a","b":%q}]}`,
			hostileGroup, hostileTopic, n, n, n, n, n, strings.Repeat("AQ==", 1000))))
	}
	v.answered("handles", frames...)
}

// wrongFilters are expressions that cost more than they are worth, or are none.
func (v *victim) wrongFilters() {
	var frames [][]byte
	for _, text := range []string{strings.Repeat("(", 60_000), strings.Repeat("(", 1000) + "a=1" + strings.Repeat(")", 1000), strings.Repeat("NOT ", 10_000) + "a=1", "a=1" + strings.Repeat(" OR a=1", 8000), "a IN ('x'" + strings.Repeat(",'x'", 10_000) + ")",
		strings.Repeat("-", 10_000) + "1=1", "a=" + strings.Repeat("9", 50_000), "a=1e999999999", "a LIKE '" + strings.Repeat("%a", 10_000) + "'", "a CONTAINS '" + strings.Repeat("x", 50_000) + "'", "'", "a='" + strings.Repeat("x", 1<<20), "\x00", "\xff\xfe=1", "", " ", ";", "a=1;b",
		strings.Repeat("t||", 20_000), strings.Repeat("|", 60_000), "*||*", strings.Repeat("a ", 30_000) + "= 1"} {
		for _, kind := range []string{"SQL92", "TAG", "", "sql92", "../x", "\xff"} {
			frames = append(frames, asked(codePull, 1, with(pullFields(), map[string]string{"subscription": text, "expressionType": kind}), nil),
				asked(200050, 1, map[string]string{"consumerGroup": hostileGroup, "topic": hostileTopic, "queueId": "0", "maxMsgNums": "1", "invisibleTime": "1000", "pollTime": "0", "bornTime": "1", "initMode": "0", "expType": kind, "exp": text}, nil))
		}
	}
	v.answered("filters", frames...)
}

// everyCode sends every request there may be, without anything in it.
func (v *victim) everyCode() {
	var frames [][]byte
	for code := -10; code < 1300; code++ {
		frames = append(frames, framed(0, jsonHeader(code, len(frames)+2, 0, ""), nil), framed(0, jsonHeader(code, len(frames)+3, 0, ""), []byte("\xff{[")))
	}
	for code := 199990; code < 200200; code++ {
		frames = append(frames, framed(0, jsonHeader(code, len(frames)+2, 0, ""), nil), framed(0, jsonHeader(code, len(frames)+3, 0, `"topic":"","group":"","queueId":"-1"`), nil))
	}
	for _, code := range []int{-1 << 31, -65536, 65535, 1<<31 - 1} {
		frames = append(frames, framed(0, jsonHeader(code, len(frames)+2, 0, ""), nil))
	}
	v.answered("every code", frames...)
}
