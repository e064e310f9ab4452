package convert

import (
	"strings"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/proxy/status"
)

// Consumer is a consumer as its heartbeat to brokers names it. since is when it has said so last, in Unix milliseconds.
func Consumer(s *pb.Settings, since int64, filters *filter.Cache) (protocol.ConsumerData, error) {
	sub := s.GetSubscription()
	d := protocol.ConsumerData{GroupName: check.Name(sub.GetGroup()), MessageModel: protocol.ModelClustering, ConsumeFromWhere: protocol.ConsumeFromLast,
		SubscriptionData: []protocol.SubscriptionData{}}
	switch s.GetClientType() {
	case pb.ClientType_PUSH_CONSUMER:
		d.ConsumeType = protocol.ConsumePassively
	case pb.ClientType_LITE_PUSH_CONSUMER:
		d.ConsumeType, d.MessageModel = protocol.ConsumePassively, modelLite
	case pb.ClientType_SIMPLE_CONSUMER, pb.ClientType_LITE_SIMPLE_CONSUMER, pb.ClientType_PULL_CONSUMER:
		d.ConsumeType = protocol.ConsumeActively
	default:
		return d, status.New(pb.Code_UNRECOGNIZED_CLIENT_TYPE, "%s", s.GetClientType())
	}
	for _, entry := range sub.GetSubscriptions() {
		kind, text, err := Filter(entry.GetExpression(), filters)
		if err != nil {
			return d, err
		}
		d.SubscriptionData = append(d.SubscriptionData, subscription(check.Name(entry.GetTopic()), kind, text, since))
	}
	return d, nil
}

func subscription(topic, kind, text string, since int64) protocol.SubscriptionData {
	d := protocol.SubscriptionData{Topic: topic, SubString: text, ExpressionType: kind, SubVersion: since, TagsSet: []string{}, CodeSet: []int32{}}
	if kind != protocol.ExpressionTag || text == "*" {
		return d
	}
	for tag := range strings.SplitSeq(text, "||") {
		if tag = strings.TrimSpace(tag); tag != "" {
			d.TagsSet = append(d.TagsSet, tag)
			d.CodeSet = append(d.CodeSet, message.HashCode([]byte(tag)))
		}
	}
	return d
}

// modelLite is the message model of consumers of light topics.
const modelLite = "LITE_SELECTIVE"

// Filter is an expression as brokers read it, after it has been read here.
func Filter(e *pb.FilterExpression, filters *filter.Cache) (kind, text string, err error) {
	kind, text = protocol.ExpressionTag, e.GetExpression()
	if e.GetType() == pb.FilterType_SQL {
		kind = protocol.ExpressionSQL92
	}
	if text == "" && kind == protocol.ExpressionTag {
		text = "*"
	}
	if _, err := filters.Compile(kind, text); err != nil {
		return "", "", status.New(pb.Code_ILLEGAL_FILTER_EXPRESSION, "%v", err)
	}
	return kind, text, nil
}
