package aerobee

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// exchangeEffects are those of the settings about what goes from client to client by way of the broker.
func exchangeEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"storeReplyMessageEnable": func(t *testing.T) {
			const topic = "DefaultCluster_REPLY_TOPIC"
			for value, want := range map[string]string{"true": "1", "false": "0"} {
				p := start(t, "storeReplyMessageEnable", value).dial(t)
				p.wantCode(p.call(protocol.ReqSendReplyMessageV2, "to nobody", "b", topic, "e", "0", "f", "0", "g", "0", "h", "0", "i", "REPLY_TO_CLIENT\x01nobody\x02"), protocol.ResSystemError, "nobody")
				if got := p.call(protocol.ReqGetMaxOffset, "", "topic", topic, "queueId", "0").Fields.String("offset"); got != want {
					t.Errorf("%s: %s replies are stored, want %s", value, got, want)
				}
			}
		},
		"useServerSideResetOffset": func(t *testing.T) {
			for value, code := range map[string]int32{"true": protocol.ResSuccess, "false": protocol.ResConsumerNotOnline} {
				p := start(t, "useServerSideResetOffset", value, "defaultTopicQueueNums", "1").dial(t)
				p.mustSend("T", "x")
				p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, `{"groupName":"G"}`)
				p.wantCode(p.call(protocol.ReqUpdateConsumerOffset, "", "consumerGroup", "G", "topic", "T", "queueId", "0", "commitOffset", "0"), protocol.ResSuccess, "")
				p.wantCode(p.call(protocol.ReqInvokeBrokerToResetOffset, "", "topic", "T", "group", "G", "timestamp", "-1", "isForce", "true"), code, "")
			}
		},
	}
}
