package aerobee

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// elsewhere are the settings whose effect is tested where it happens.
const elsewhere = `logLevel logFormat logFile memoryLimit`

// effects proves each effective setting by what it changes in a running node.
func effects() map[string]func(*testing.T) {
	all := map[string]func(*testing.T){}
	for _, part := range []map[string]func(*testing.T){identityEffects(), requestEffects(), exchangeEffects(), networkEffects(), storeEffects(), popEffects(), tlsEffects(), outEffects(), metricsEffects(), limitEffects(), authEffects(), adminEffects(), traceEffects()} {
		for name, f := range part {
			all[name] = f
		}
	}
	return all
}

// TestEverySettingHasItsEffect runs the proof of each setting that config calls effective; one without a proof fails.
func TestEverySettingHasItsEffect(t *testing.T) {
	proofs := effects()
	for _, k := range config.Keys() {
		if !k.Effective || strings.Contains(" "+elsewhere+" ", " "+k.Name+" ") {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			if proofs[k.Name] == nil {
				t.Fatalf("no test shows an effect of %s", k.Name)
			}
			proofs[k.Name](t)
		})
	}
}

func identityEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"roles": func(t *testing.T) {
			p := start(t, "roles", "namesrv").dial(t)
			p.wantCode(p.send("T", "x"), protocol.ResRequestCodeNotSupported, "310")
			p = start(t, "roles", "broker").dial(t)
			p.wantCode(p.call(protocol.ReqGetRouteInfoByTopic, "", "topic", "T"), protocol.ResRequestCodeNotSupported, "105")
		},
		"brokerName": func(t *testing.T) {
			if r := start(t, "brokerName", "b7").dial(t).route("TBW102"); r.Brokers[0].Name != "b7" {
				t.Errorf("route %+v", r)
			}
		},
		"brokerClusterName": func(t *testing.T) {
			if r := start(t, "brokerClusterName", "c7").dial(t).route("TBW102"); r.Brokers[0].Cluster != "c7" {
				t.Errorf("route %+v", r)
			}
		},
		"brokerId": func(t *testing.T) { wantRefused(t, "brokerId", "1", "single node") },
		"brokerRole": func(t *testing.T) {
			wantRefused(t, "brokerRole", "SLAVE", "single node")
			start(t, "brokerRole", "SYNC_MASTER")
		},
		"advertise": func(t *testing.T) {
			r := start(t, "advertise", "192.0.2.7:1234").dial(t).route("TBW102")
			if r.Brokers[0].Addrs[0] != "192.0.2.7:1234" {
				t.Errorf("route %+v", r)
			}
			other := start(t, "roles", "namesrv")
			s := start(t, "advertise", "localhost:1234", "namesrvAddr", other.Addr())
			for _, at := range []*Server{s, other} {
				if r := at.dial(t).route("TBW102"); r == nil || r.Brokers[0].Addrs[0] != "localhost:1234" {
					t.Errorf("route %+v, want the name as it is", r)
				}
			}
			if to, own := s.leadsHere("localhost:1234"); !own || to != s.addr.canonical {
				t.Errorf("localhost:1234 leads to %v, %v", to, own)
			}
			if to, own := s.leadsHere("elsewhere:1234"); own {
				t.Errorf("elsewhere:1234 leads to %v", to)
			}
		},
		"brokerIP1": func(t *testing.T) {
			s := start(t, "brokerIP1", "192.0.2.8")
			_, port, _ := strings.Cut(s.Addr(), ":")
			want := "192.0.2.8:" + port
			if r := s.dial(t).route("TBW102"); r.Brokers[0].Addrs[0] != want {
				t.Errorf("route %+v, want %s", r, want)
			}
		},
		"namesrvAddr": func(t *testing.T) {
			other := start(t, "roles", "namesrv")
			start(t, "namesrvAddr", other.Addr(), "brokerName", "b9")
			if r := other.dial(t).route("TBW102"); r == nil || r.Brokers[0].Name != "b9" {
				t.Errorf("route %+v", r)
			}
		},
		"brokerIP2":          func(t *testing.T) { wantHAAddr(t, "192.0.2.9:10912", "brokerIP2", "192.0.2.9") },
		"haListenPort":       func(t *testing.T) { wantHAAddr(t, "127.0.0.1:4444", "haListenPort", "4444") },
		"compressedRegister": testCompressedRegister,
	}
}

// wantHalf wants one half message about which is asked, after so many questions, so long after it was stored.
func wantHalf(t *testing.T, s *Server, after time.Duration, checks int32) {
	t.Helper()
	some, _ := s.store.Halves(0, 10)
	if len(some) != 1 || some[0].Checks != checks || some[0].Due < some[0].Stored+after.Milliseconds() || some[0].Due > some[0].Stored+2*after.Milliseconds() {
		t.Errorf("half messages %+v, want one that is asked about after %v, %d times before", some, after, checks)
	}
}

func wantRefused(t *testing.T, key, value, text string) {
	t.Helper()
	if _, err := tryStart(t, key, value); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s=%s: got %v, want %q", key, value, err, text)
	}
}

func requestEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"brokerPermission": func(t *testing.T) {
			p := start(t, "brokerPermission", "4").dial(t)
			if r := p.route("TBW102"); r.Queues[0].Perm&2 != 0 {
				t.Errorf("the route says that the broker takes messages: %+v", r)
			}
		},
		"defaultTopicQueueNums": func(t *testing.T) {
			p := start(t, "defaultTopicQueueNums", "2").dial(t)
			p.mustSend("T", "x")
			if r := p.route("T"); r.Queues[0].WriteQueueNums != 2 {
				t.Errorf("route %+v", r)
			}
		},
		"autoCreateTopicEnable": func(t *testing.T) {
			p := start(t, "autoCreateTopicEnable", "false").dial(t)
			p.wantCode(p.send("T", "x"), protocol.ResTopicNotExist, "T")
		},
		"autoCreateSubscriptionGroup": func(t *testing.T) {
			p := start(t, "autoCreateSubscriptionGroup", "false").dial(t)
			p.mustSend("T", "x")
			p.wantCode(p.pull("G", "T", 0, 0), protocol.ResSubscriptionGroupNotExist, "G")
		},
		"traceTopicEnable": func(t *testing.T) {
			if start(t, "traceTopicEnable", "true").dial(t).route("RMQ_SYS_TRACE_TOPIC") == nil {
				t.Error("true: no route")
			}
			if start(t, "traceTopicEnable", "false").dial(t).route("RMQ_SYS_TRACE_TOPIC") != nil {
				t.Error("false: a route")
			}
		},
		"traceOn": func(t *testing.T) {
			r := start(t, "traceOn", "false").dial(t).mustSend("T", "x")
			if got := r.Fields.String("TRACE_ON"); got != "false" {
				t.Errorf("TRACE_ON %q", got)
			}
		},
		"rejectTransactionMessage": func(t *testing.T) {
			p := start(t, "rejectTransactionMessage", "true").dial(t)
			p.wantCode(p.send("T", "x", "i", "TRAN_MSG\x01true\x02"), protocol.ResNoPermission, "sending transaction message is forbidden")
		},
		"transactionTimeOut": func(t *testing.T) {
			s := start(t, "transactionTimeOut", "60000")
			s.dial(t).mustSend("T", "x", "i", "TRAN_MSG\x01true\x02")
			wantHalf(t, s, time.Minute, 0)
		},
		"transactionCheckInterval": func(t *testing.T) {
			s := start(t, "transactionTimeOut", "1", "transactionCheckInterval", "60000")
			s.dial(t).mustSend("T", "x", "i", "TRAN_MSG\x01true\x02")
			for some, _ := s.store.Halves(0, 1); len(some) == 1 && some[0].Checks == 0; some, _ = s.store.Halves(0, 1) {
				time.Sleep(20 * time.Millisecond)
			}
			wantHalf(t, s, time.Minute, 1)
		},
		"transactionCheckMax": func(t *testing.T) {
			p := start(t, "transactionTimeOut", "1", "transactionCheckInterval", "1", "transactionCheckMax", "1").dial(t)
			p.mustSend("T", "x", "i", "TRAN_MSG\x01true\x02")
			for begin := time.Now(); p.route("TRANS_CHECK_MAX_TIME_TOPIC") == nil; {
				if time.Since(begin) > 20*time.Second {
					t.Fatal("the message is not given up")
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
		"maxMessageSize": func(t *testing.T) {
			p := start(t, "maxMessageSize", "1024").dial(t)
			p.mustSend("T", strings.Repeat("x", 1024))
			p.wantCode(p.send("T", strings.Repeat("x", 1025)), protocol.ResMessageIllegal, "1024")
		},
		"maxTransferCountOnMessageInMemory": func(t *testing.T) {
			p := start(t, "maxTransferCountOnMessageInMemory", "3").dial(t)
			for range 5 {
				p.mustSend("T", "x")
			}
			if next := p.pull("G", "T", 0, 0).Fields.String("nextBeginOffset"); next != "3" {
				t.Errorf("one pull goes to offset %s", next)
			}
		},
		"longPollingEnable": func(t *testing.T) {
			p := start(t, "longPollingEnable", "false").dial(t)
			p.mustSend("T", "x")
			begin := time.Now()
			r := p.pull("G", "T", 1, 20*time.Second)
			if took := time.Since(begin); r.Code != protocol.ResPullNotFound || took > 10*time.Second {
				t.Errorf("code %d after %v", r.Code, took)
			}
		},
		"enablePropertyFilter": func(t *testing.T) {
			const check = `{"clientId":"c","group":"G","subscriptionData":{"topic":"T","subString":"a > 5","expressionType":"SQL92"}}`
			p := start(t, "enablePropertyFilter", "false").dial(t)
			p.wantCode(p.call(protocol.ReqCheckClientConfig, check), protocol.ResSystemError, "SQL92")
			p = start(t, "enablePropertyFilter", "true").dial(t)
			p.wantCode(p.call(protocol.ReqCheckClientConfig, check), protocol.ResSuccess, "")
		},
		"orderMessageEnable": func(t *testing.T) {
			p := start(t, "orderMessageEnable", "true").dial(t)
			p.mustSend("T", "x")
			p.call(protocol.ReqPutKVConfig, "", "namespace", "ORDER_TOPIC_CONFIG", "key", "T", "value", "broker-t:4")
			if r := p.route("T"); r.OrderConf != "broker-t:4" {
				t.Errorf("route %+v", r)
			}
		},
		"messageIndexEnable": func(t *testing.T) {
			for value, code := range map[string]int32{"true": protocol.ResSuccess, "false": protocol.ResQueryNotFound} {
				p := start(t, "messageIndexEnable", value).dial(t)
				p.mustSend("T", "x", "i", "KEYS\x01k1\x02")
				p.wantCode(p.call(protocol.ReqQueryMessage, "", "topic", "T", "key", "k1", "maxNum", "8", "beginTimestamp", "0",
					"endTimestamp", strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)), code, "")
			}
		},
		"messageDelayLevel": func(t *testing.T) {
			p := start(t, "messageDelayLevel", "1s 2h").dial(t)
			p.mustSend("T", "x")
			p.mustSend("T", "late", "i", "DELAY\x011\x02")
			if r := p.pull("G", "T", 1, 20*time.Second); r.Code != protocol.ResSuccess || !strings.Contains(string(r.Body), "late") {
				t.Errorf("code %d %s", r.Code, r.Remark)
			}
		},
		"lockInStrictMode":    testStrictLocks,
		"totalReplicas":       testStrictLocks,
		"enableLmq":           func(t *testing.T) { withoutLights(t, "enableLmq") },
		"enableMultiDispatch": func(t *testing.T) { withoutLights(t, "enableMultiDispatch") },
		"maxLmqConsumeQueueNum": func(t *testing.T) {
			p := start(t, "maxLmqConsumeQueueNum", "1").dial(t)
			p.mustSend("T", "x", "i", "INNER_MULTI_DISPATCH\x01%LMQ%a\x02")
			p.wantCode(p.send("T", "x", "i", "INNER_MULTI_DISPATCH\x01%LMQ%b\x02"), protocol.ResLMQQuotaExceeded, "there are 1, the limit is 1")
		},
		"enableMixedMessageType": func(t *testing.T) {
			p := start(t, "enableMixedMessageType", "true").dial(t)
			p.wantCode(p.makeTopic("M", "+message.type=MIXED"), protocol.ResSuccess, "")
			q := start(t).dial(t)
			q.wantCode(q.makeTopic("M", "+message.type=MIXED"), protocol.ResInvalidParameter, "enableMixedMessageType is false")
		},
		"timerWheelEnable": func(t *testing.T) {
			p := start(t, "timerWheelEnable", "false").dial(t)
			p.mustSend("T", "x")
			p.wantCode(p.send("T", "late", "i", "TIMER_DELAY_MS\x0150\x02"), protocol.ResSystemError, "timerWheelEnable is false")
		},
		"timerMaxDelaySec": func(t *testing.T) {
			p := start(t, "timerMaxDelaySec", "10").dial(t)
			p.mustSend("T", "x")
			p.mustSend("T", "late", "i", "TIMER_DELAY_SEC\x019\x02")
			p.wantCode(p.send("T", "late", "i", "TIMER_DELAY_SEC\x0111\x02"), protocol.ResMessageIllegal, "max delay 10000ms")
		},
		"timerPrecisionMs": func(t *testing.T) {
			p := start(t, "timerPrecisionMs", "100").dial(t)
			p.mustSend("T", "x")
			p.mustSend("T", "late", "i", "TIMER_DELIVER_MS\x01"+strconv.FormatInt(time.Now().UnixMilli()/100*100+350, 10)+"\x02")
			if r := p.pull("G", "T", 1, 20*time.Second); !regexp.MustCompile(`TIMER_OUT_MS\x01\d+00\x02`).Match(r.Body) {
				t.Errorf("code %d %q", r.Code, r.Body)
			}
		},
		"recallMessageEnable": func(t *testing.T) {
			for value, code := range map[string]int32{"true": protocol.ResIllegalOperation, "false": protocol.ResNoPermission} {
				p := start(t, "recallMessageEnable", value).dial(t)
				p.mustSend("T", "x")
				p.wantCode(p.call(protocol.ReqRecallMessage, "", "topic", "T", "recallHandle", "x"), code, "recall")
			}
		},
		"minFreeDisk": func(t *testing.T) {
			p := start(t, "memory", "false", "data", t.TempDir(), "minFreeDisk", "1000t").dial(t)
			p.wantCode(p.send("T", "x"), protocol.ResServiceNotAvailable, "free")
		},
	}
}

func networkEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"listen": func(t *testing.T) {
			s := start(t, "listen", "127.0.0.1:0;[::1]:0")
			for _, a := range s.Addrs() {
				resp, err := http.Get("http://" + a + "/ready")
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK || dial(t, a).route("TBW102") == nil {
					t.Errorf("%s: /ready answers %d", a, resp.StatusCode)
				}
			}
		},
		"listenPort":              testPort("listenPort", 10911, 10909),
		"metricsPromExporterPort": testPort("metricsPromExporterPort", 5557),
		"grpcServerPort":          testPort("grpcServerPort", 8081),
		"remotingListenPort":      testPort("remotingListenPort", 8080),
		"maxConnections": func(t *testing.T) {
			s := start(t, "maxConnections", "1")
			first := s.dial(t)
			first.route("TBW102")
			<-s.dial(t).conn.Done()
			first.route("TBW102")
		},
		"maxPendingBytes":     testMaxPendingBytes,
		"supportActingMaster": testActingMaster,
	}
}

func storeEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"memory": func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			start(t, "memory", "true", "data", dir)
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("the directory was made: %v", err)
			}
		},
		"data":                    func(t *testing.T) { wantSegments(t, "data", "data", "commitlog") },
		"storePathRootDir":        func(t *testing.T) { wantSegments(t, "storePathRootDir", "root", "commitlog") },
		"storePathCommitLog":      func(t *testing.T) { wantSegments(t, "storePathCommitLog", "log", "") },
		"mappedFileSizeCommitLog": testSegmentSize,
		"flushDiskType":           testFlushDiskType,
		"syncFlushTimeout":        testSyncFlushTimeout,
		"directIO":                testDirectIO,
		"fileReservedTime":        testFileReservedTime,
		"deleteWhen":              testDeleteWhen,
		"diskMaxUsedSpaceRatio":   testDiskMaxUsedRatio,
		"maxStoreSize":            testMaxStoreSize,
	}
}

// wantSegments starts a node on disk whose key names dir/name and wants log segments in dir/name/sub.
func wantSegments(t *testing.T, key, name, sub string) {
	t.Helper()
	dir := t.TempDir()
	start(t, "memory", "false", "data", filepath.Join(dir, "other"), "mappedFileSizeCommitLog", "16m", key, filepath.Join(dir, name))
	if found, _ := filepath.Glob(filepath.Join(dir, name, sub, "0*")); len(found) == 0 {
		t.Errorf("no segment in %s", filepath.Join(dir, name, sub))
	}
}

func testSegmentSize(t *testing.T) {
	dir := t.TempDir()
	start(t, "memory", "false", "data", dir, "mappedFileSizeCommitLog", "16m")
	info, err := os.Stat(filepath.Join(dir, "commitlog", "00000000000000000000"))
	if err != nil || info.Size() != 16<<20 {
		t.Errorf("segment %v, %v", info, err)
	}
}

// withoutLights: switched off, light queues are not looked at.
func withoutLights(t *testing.T, key string) {
	t.Helper()
	p := start(t, key, "false").dial(t)
	p.mustSend("T", "x", "i", "INNER_MULTI_DISPATCH\x01nonsense,%LMQ%a\x02")
	p.wantCode(p.pull("G", "%LMQ%a", 0, 0), protocol.ResPullNotFound, "")
}
