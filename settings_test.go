package aerobee

import (
	"net/http"
	"os"
	"path/filepath"
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
	for _, part := range []map[string]func(*testing.T){identityEffects(), requestEffects(), networkEffects(), storeEffects()} {
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
