package broker

import (
	"context"
	"fmt"
	"testing"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/store"
)

// TestAsApacheOperates compares what operators are answered who ask about the broker as a whole, see apache_test.go.
func TestAsApacheOperates(t *testing.T) {
	compareWithApache(t, "testdata/apache_operate.txt", (*replay).operates, func(o *Options, _ *store.Options) {
		start := config.Default()
		o.LogDir = "/store/commitlog"
		o.ConfigText = func() string { return start.Properties() }
		o.ChangeConfig = func(_ context.Context, pairs []config.Property) error {
			_, _, err := start.Change(pairs)
			return err
		}
	})
}

func (r *replay) operates() {
	r.do("17", 17, makeFields("Top", 2, 6), "")
	r.do("17 ordered", 17, makeFields("Tord", 1, 6).with(fields{"order": "true"}), "")
	r.do("200", 200, nil, groupBody("Gop", nil))
	r.do("61 nothing", 61, nil, "")
	for i := range 3 {
		r.do(fmt.Sprint("310 ", i), 310, sendFields("Top", 0, ""), "x")
	}
	r.do("310 delayed", 310, sendFields("Top", 1, "DELAY=18"), "x")
	r.do("310 timer", 310, sendFields("Top", 1, "TIMER_DELAY_SEC=3600"), "x")
	r.filled("Top", "0", "3")
	r.do("315 not pulled", 315, fields{"statsName": "GROUP_GET_NUMS", "statsKey": "Top@Gop"}, "")
	pulled := r.do("11", 11, pullFields("Gop", "Top", 0, 0), "")
	r.do("15", 15, fields{"consumerGroup": "Gop", "topic": "Top", "queueId": "0", "commitOffset": "2"}, "")
	at := int64(records(r.t, pulled.Body)[0].LogOffset)
	for _, level := range []string{"0", "-1"} {
		r.do("36 "+level, 36, fields{"offset": fmt.Sprint(at), "group": "Gop", "delayLevel": level, "originTopic": "Top", "maxReconsumeTimes": "16"}, "")
	}
	r.counted()
	r.do("317", 317, fields{"isOrder": "false"}, "")
	r.do("317 ordered", 317, fields{"isOrder": "true"}, "")
	r.do("317 no fields", 317, nil, "")
	r.do("303", 303, fields{"topic": "Top", "group": "Gop"}, "")
	r.do("303 other group", 303, fields{"topic": "Top", "group": "Gnever"}, "")
	r.do("303 unknown topic", 303, fields{"topic": "Tnever", "group": "Gop"}, "")
	r.do("303 no group", 303, fields{"topic": "Top"}, "")
	r.do("28", 28, nil, "")
	r.do("26", 26, nil, "")
	r.upkeep()
	r.settings()
}

// counted asks under each name that RocketMQ has.
func (r *replay) counted() {
	for _, x := range [][2]string{
		{"TOPIC_PUT_NUMS", "Top"}, {"TOPIC_PUT_SIZE", "Top"}, {"TOPIC_PUT_LATENCY", "0@Top"}, {"QUEUE_PUT_NUMS", "Top@0"}, {"QUEUE_PUT_SIZE", "Top@0"},
		{"TOPIC_PUT_NUMS", "SCHEDULE_TOPIC_XXXX"}, {"TOPIC_PUT_NUMS", "rmq_sys_wheel_timer"}, {"TOPIC_PUT_NUMS", "Tord"}, {"TOPIC_PUT_NUMS", "%DLQ%Gop"},
		{"GROUP_GET_NUMS", "Top@Gop"}, {"GROUP_GET_SIZE", "Top@Gop"}, {"GROUP_GET_LATENCY", "0@Top@Gop"}, {"GROUP_GET_LATENCY", "Top@Gop"},
		{"QUEUE_GET_NUMS", "Top@0@Gop"}, {"QUEUE_GET_SIZE", "Top@0@Gop"}, {"SNDBCK_PUT_NUMS", "Top@Gop"}, {"DLQ_PUT_NUMS", "Top@Gop"},
		{"SNDBCK2DLQ_TIMES", "null@Top@Gop@SEND_BACK_TO_DLQ"}, {"GROUP_ACK_NUMS", "Top@Gop"}, {"GROUP_CK_NUMS", "Top@Gop"},
		{"BROKER_PUT_NUMS", "DefaultCluster"}, {"BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC", "DefaultCluster"}, {"BROKER_GET_NUMS", "DefaultCluster"},
		{"BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC", "DefaultCluster"}, {"BROKER_ACK_NUMS", "DefaultCluster"}, {"BROKER_CK_NUMS", "DefaultCluster"},
		{"GROUP_GET_FALL_SIZE", "0@Top@Gop"}, {"GROUP_GET_FALL_TIME", "0@Top@Gop"}, {"CHANNEL_ACTIVITY", "CONNECT"}, {"PRODUCER_REGISTER_TIME", "DefaultCluster"},
		{"COMMERCIAL_SEND_TIMES", "Top"}, {"NO_SUCH_NAME", "Top"}, {"TOPIC_PUT_NUMS", ""},
	} {
		r.do("315 "+x[0]+" "+x[1], 315, fields{"statsName": x[0], "statsKey": x[1]}, "")
	}
	r.do("315 no key", 315, fields{"statsName": "TOPIC_PUT_NUMS"}, "")
	r.do("315 no name", 315, fields{"statsKey": "Top"}, "")
}

func (r *replay) upkeep() {
	r.do("60", 60, nil, "")
	r.do("61", 61, nil, "")
	r.do("306", 306, nil, "")
	r.do("316", 316, nil, "")
	r.do("329", 329, nil, "")
	r.do("907", 907, nil, "")
	r.do("908", 908, fields{"masterFlushOffset": "7"}, "")
	r.do("908 no fields", 908, nil, "")
	r.do("1007", 1007, nil, "")
	r.do("2003 nothing", 2003, nil, "")
	r.do("2001", 2001, nil, "Gop=1024\n")
	r.do("2001 no number", 2001, nil, "Gop=much\n")
	r.do("2001 no body", 2001, nil, "")
	r.do("2003", 2003, nil, "")
	r.do("2002", 2002, nil, "Gop")
	r.do("2002 unknown", 2002, nil, "Gnever")
	r.do("2004 normal", 2004, fields{"READ_AHEAD_MODE": "0"}, "")
	r.do("2004 random", 2004, fields{"READ_AHEAD_MODE": "1"}, "")
	r.do("2004 other", 2004, fields{"READ_AHEAD_MODE": "7"}, "")
	r.do("2004 text", 2004, fields{"READ_AHEAD_MODE": "x"}, "")
	r.do("2004 no fields", 2004, nil, "")
	r.do("2004 back", 2004, fields{"READ_AHEAD_MODE": "0"}, "")
}

func (r *replay) settings() {
	r.do("25", 25, nil, "fileReservedTime=48\n")
	r.do("25 two", 25, nil, "fileReservedTime=72\nautoCreateSubscriptionGroup=true\n")
	r.do("25 permission", 25, nil, "brokerPermission=6\n")
	r.do("25 at the start", 25, nil, "flushDiskType=ASYNC_FLUSH\n")
	r.do("25 unknown", 25, nil, "noSuchKey=1\n")
	r.do("25 no number", 25, nil, "fileReservedTime=long\n")
	r.do("25 black list", 25, nil, "brokerConfigPath=/x\n")
	r.do("25 black list itself", 25, nil, "configBlackList=x\n")
	r.do("25 no body", 25, nil, "")
	r.do("26 after", 26, nil, "")
}
