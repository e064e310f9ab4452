package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func pairs(name string, kv ...string) Source {
	s := Source{Name: name}
	for i := 0; i < len(kv); i += 2 {
		s.Pairs = append(s.Pairs, Property{Key: kv[i], Value: kv[i+1], Line: i/2 + 1})
	}
	return s
}

func TestLaterSourcesWin(t *testing.T) {
	c, notes, err := Load(
		pairs("broker.conf", "flushDiskType", "ASYNC_FLUSH", "fileReservedTime", "48", "brokerName", "a"),
		Environment([]string{"AEROBEE_BROKER_NAME=b", "HOME=/x", "AEROBEE_data=d1"}),
		pairs("flags", "data", "d2"),
	)
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if c.FlushDiskType != AsyncFlush || c.FileReserved != 48*time.Hour || c.BrokerName != "b" || c.Data != "d2" {
		t.Errorf("got %+v", c)
	}
}

func TestOriginsNameTheLastSource(t *testing.T) {
	got := Origins(pairs("broker.conf", "BROKERNAME", "a", "flushDiskType", "x", "nobodyKnows", "1"),
		Environment([]string{"AEROBEE_BROKER_NAME=b", "AEROBEE_NAMESRV=127.0.0.1:9876", "NAMESRV_ADDR=c:1"}))
	want := map[string]string{"brokerName": "environment", "flushDiskType": "broker.conf", "namesrvAddr": "environment"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownKeyNamesTheNearest(t *testing.T) {
	_, notes, err := Load(pairs("broker.conf", "flushDiskTyp", "SYNC_FLUSH", "reviveInterval", "5", "slaveReadEnable", "true"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range notes {
		got = append(got, n.String())
	}
	want := []string{
		"broker.conf: flushDiskTyp: unknown key; the nearest known one is flushDiskType",
		"broker.conf: reviveInterval: a key of Apache RocketMQ that has no effect here",
		"broker.conf: slaveReadEnable: no effect: a single node has no replica",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadValuesNameSourceKeyAndRule(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		_, _, err := Load(pairs("broker.conf", key, value))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%s: got %v, want %q in it", key, value, err, want)
		}
	}
	f("flushDiskType", "MAYBE", `"MAYBE" is not one of SYNC_FLUSH, ASYNC_FLUSH`)
	f("diskMaxUsedSpaceRatio", "99", "99 is out of range: 10 to 95")
	f("brokerRole", "SLAVE", "single node")
	f("brokerId", "1", "set brokerId=0")
	f("deleteWhen", "25", "25 is out of range: 0 to 23")
	f("mappedFileSizeCommitLog", "1m", "does not fit mappedFileSizeCommitLog=1048576")
	f("autoCreateTopicEnable", "yes", "neither true nor false")
	f("memoryLimit", "9999999999g", "not a size")
	f("roles", "queen", `role "queen" is unknown`)
}

func TestPortsReplaceTheirListener(t *testing.T) {
	c, _, err := Load(pairs("broker.conf", "listenPort", "20911", "grpcServerPort", "18081", "metricsPromExporterPort", "5557"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{":9876", ":20911", ":20909", ":18081", ":5557"}
	if diff := cmp.Diff(want, c.Listen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamesrvAddrOfTheEnvironmentIsTheWeakest(t *testing.T) {
	c, _, err := Load(Environment([]string{"AEROBEE_NAMESRV_ADDR=b:1;c:2", "NAMESRV_ADDR=a:9876"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b:1", "c:2"}, c.Namesrv); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTableIsWhole keeps the table complete: every key that operators of Apache RocketMQ set stands in it once.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Name] {
			t.Errorf("%s stands in the table twice", k.Name)
		}
		seen[k.Name] = true
		if k.Doc == "" || k.Effective != (k.set != nil) {
			t.Errorf("%s: doc %q, effective %v, setter %v", k.Name, k.Doc, k.Effective, k.set != nil)
		}
	}
	const operators = `namesrvAddr listenPort brokerIP1 brokerIP2 brokerPermission controllerAddr defaultTopicQueueNums
		autoCreateTopicEnable autoCreateSubscriptionGroup traceTopicEnable rejectTransactionMessage enableSingleTopicRegister
		sendMessageThreadPoolNums pullMessageThreadPoolNums waitTimeMillsInSendQueue compressedRegister longPollingEnable
		enableCalcFilterBitMap enablePropertyFilter slaveReadEnable enableSlaveActingMaster enableControllerMode
		transactionTimeOut transactionCheckMax transactionCheckInterval recallMessageEnable traceOn metricsExporterType
		metricsGrpcExporterTarget metricsPromExporterPort aclEnable brokerName brokerClusterName brokerId storePathRootDir
		storePathCommitLog enableConsumeQueueExt mappedFileSizeCommitLog flushDiskType syncFlushTimeout warmMapedFileEnable
		transientStorePoolEnable enableMultiDispatch deleteWhen diskMaxUsedSpaceRatio fileReservedTime maxMessageSize
		maxTransferCountOnMessageInMemory accessMessageInMemoryMaxRatio haListenPort haMasterAddress slaveTimeout totalReplicas
		inSyncReplicas timerMaxDelaySec timerWheelEnable messageDelayLevel messageIndexEnable enableLmq brokerRole
		osPageCacheBusyTimeOutMills orderMessageEnable supportActingMaster enableControllerInNamesrv controllerDLegerGroup
		controllerDLegerPeers controllerDLegerSelfId rocketMQClusterName proxyMode enableTopicMessageTypeCheck
		tlsTestModeEnable grpcServerPort remotingListenPort authenticationEnabled initAuthenticationUser
		innerClientAuthenticationCredentials authorizationEnabled`
	for _, name := range strings.Fields(operators) {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestParseSize(t *testing.T) {
	f := func(in string, want int64) {
		t.Helper()
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	f("0", 0)
	f("1073741824", 1<<30)
	f("64k", 64<<10)
	f("64 KiB", 64<<10)
	f("256MB", 256<<20)
	f("1g", 1<<30)
}

// TestPropertiesRoundTrip wants the text of a configuration to load as the same configuration.
func TestPropertiesRoundTrip(t *testing.T) {
	c, _, err := Load(pairs("x", "data", `C:\store`, "fileReservedTime", "48", "syncFlushTimeout", "250", "listen", "127.0.0.1:1;[::1]:2",
		"maxMessageSize", "64k", "brokerPermission", "4", "logFormat", "json", "orderMessageEnable", "true"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseProperties(c.Properties())
	if err != nil {
		t.Fatal(err)
	}
	again, notes, err := Load(Source{Name: "text", Pairs: read})
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
