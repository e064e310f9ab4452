package mqadmin

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

// track is what a group has done with a message.
type track struct {
	Group   string `json:"consumerGroup"`
	Kind    string `json:"trackType"`
	Trouble string `json:"exceptionDesc"`
}

// tracks asks the groups of a message's topic.
func (c *call) tracks(ctx context.Context, m *admin.Message) ([]track, error) {
	_, groups, err := c.users(ctx, m.Topic)
	out := []track{}
	for _, group := range groups {
		if group != "" {
			out = append(out, c.track(ctx, m, group))
		}
	}
	return out, err
}

func (c *call) track(ctx context.Context, m *admin.Message, group string) track {
	t := track{Group: group, Kind: "UNKNOWN"}
	brokers, err := c.fleet(ctx, "")
	if err == nil {
		var online protocol.ConsumerConnection
		if online, err = c.onlineAt(ctx, brokers, group); err == nil {
			t.Kind, err = c.trackOnline(ctx, brokers, m, group, &online)
		}
	}
	switch {
	case errors.Is(err, cluster.ErrNotFound):
		t.Kind, t.Trouble = "NOT_ONLINE", err.Error()
	case err != nil:
		t.Trouble = err.Error()
	}
	return t
}

func (c *call) trackOnline(ctx context.Context, brokers []admin.Broker, m *admin.Message, group string, online *protocol.ConsumerConnection) (string, error) {
	switch {
	case online.ConsumeType == protocol.ConsumeActively:
		return "PULL", nil
	case online.MessageModel == protocol.ModelBroadcasting:
		return "CONSUME_BROADCASTING", nil
	}
	stats, err := c.consumed(ctx, brokers, group, m.Topic)
	if err != nil {
		return "UNKNOWN", err
	}
	if stats.OffsetTable[m.Queue].ConsumerOffset <= m.Offset {
		return "NOT_CONSUME_YET", nil
	}
	sub, ok := online.SubscriptionTable[m.Topic]
	if ok && len(sub.TagsSet) > 0 && !slices.Contains(sub.TagsSet, "*") && !slices.Contains(sub.TagsSet, m.Tag) {
		return "CONSUMED_BUT_FILTERED", nil
	}
	return "CONSUMED", nil
}

// bodyView adds a body to what --json prints.
func bodyView(v map[string]any, body []byte) {
	if utf8.Valid(body) {
		v["body"] = string(body)
		return
	}
	v["bodyBase64"] = base64.StdEncoding.EncodeToString(body)
}
