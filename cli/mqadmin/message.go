package mqadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// messageWith is the message of an id, which is an offset id or a unique one.
func (c *call) messageWith(ctx context.Context, topic, id string) (*admin.Message, error) {
	if _, _, err := message.ParseID(id); err == nil {
		if m, err := c.MessageAt(ctx, id); err == nil {
			return &m, nil
		}
	}
	list, err := c.Messages(ctx, admin.Query{Topic: topic, Key: id, Unique: true})
	if len(list) > 0 {
		return &list[0], nil
	}
	if err == nil {
		err = fmt.Errorf("topic %s has no message with the id %s", topic, id)
	}
	return nil, err
}

func queryMsgByID(ctx context.Context, c *call) error {
	topic := c.text("topic")
	resend := c.has("sendMessage")
	var errs []error
	for id := range strings.SplitSeq(c.text("msgId"), ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		var err error
		switch {
		case c.has("consumerGroup") && c.has("clientId"):
			err = c.handleNow(ctx, topic, id)
		case resend && c.truth("sendMessage"):
			err = c.sendAgain(ctx, topic, id)
		case resend:
		default:
			var m *admin.Message
			if m, err = c.messageWith(ctx, topic, id); err == nil {
				err = c.show(ctx, m, true, 0)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func queryMsgByUniqueKey(ctx context.Context, c *call) error {
	topic, id := c.text("topic"), c.text("msgId")
	if c.has("consumerGroup") && c.has("clientId") {
		return c.handleNow(ctx, topic, id)
	}
	q := admin.Query{Topic: topic, Key: id, Unique: true, Max: 32}
	if err := c.span(&q, "startTime", "endTime"); err != nil {
		return err
	}
	list, err := c.Messages(ctx, q)
	if len(list) == 0 {
		if err == nil {
			err = fmt.Errorf("topic %s has no message with the unique id %s", topic, id)
		}
		return err
	}
	if !c.has("showAll") {
		list = list[:1]
	}
	errs := []error{err}
	for i := range list {
		errs = append(errs, c.show(ctx, &list[i], false, i))
	}
	return errors.Join(errs...)
}

func queryMsgByOffset(ctx context.Context, c *call) error {
	queue, err := c.small("queueId", 0)
	offset, errOffset := c.number("offset", 0)
	if err := errors.Join(err, errOffset); err != nil {
		return err
	}
	q := admin.Queue{Topic: c.text("topic"), BrokerName: c.text("brokerName"), QueueID: queue}
	r, err := c.Reader(ctx, q, offset)
	if err != nil {
		return err
	}
	list, err := r.Read(ctx, 0)
	if err == nil && (len(list) == 0 || list[0].Offset != offset) {
		err = fmt.Errorf("%s has no message at offset %d", q, offset)
	}
	if err != nil {
		return err
	}
	return c.show(ctx, &list[0], true, 0)
}

func queryMsgByKey(ctx context.Context, c *call) error {
	q := admin.Query{Topic: c.text("topic"), Key: c.text("msgKey"), Index: c.text("keyType"), LastKey: c.text("lastKey")}
	if !slices.Contains([]string{"", "K", "T"}, q.Index) {
		return c.usage("option keyType: %q is neither K nor T", q.Index)
	}
	most, err := c.small("maxNum", 64)
	if err := errors.Join(err, c.span(&q, "beginTimestamp", "endTimestamp")); err != nil {
		return err
	}
	q.Max = int(most)
	list, err := c.Messages(ctx, q)
	if len(list) == 0 {
		if err == nil {
			err = fmt.Errorf("topic %s has no message with the key %s", q.Topic, q.Key)
		}
		return err
	}
	t := c.Table("messages", "%-50s %4s %40s %-200s\n", "%-50s %4d %40d %-200s\n", "#Message ID", "#QID", "#Offset", "#IndexKey")
	for _, m := range list {
		id := cmp.Or(m.ID, m.OffsetID)
		index := fmt.Sprintf("%d@%s@%s@%s@%s@%d", m.StoredAt.Truncate(time.Hour).UnixMilli(), q.Topic, cmp.Or(q.Index, "K"), q.Key, id, m.LogOffset)
		t.Add(id, m.QueueID, m.Offset, index)
	}
	return err
}

// span bounds a query by two options in milliseconds.
func (c *call) span(q *admin.Query, begin, end string) error {
	from, errFrom := c.number(begin, 0)
	to, errTo := c.number(end, 0)
	if from > 0 {
		q.From = time.UnixMilli(from)
	}
	if to > 0 {
		q.To = time.UnixMilli(to)
	}
	return errors.Join(errFrom, errTo)
}

// handleNow has a member of a group handle a message.
func (c *call) handleNow(ctx context.Context, topic, id string) error {
	group, member := c.text("consumerGroup"), c.text("clientId")
	info, err := c.runningInfo(ctx, group, member, false)
	if err != nil {
		return err
	}
	if !info.Pushes() {
		return fmt.Errorf("client %s is no push consumer: it cannot be given a message", member)
	}
	m, err := c.messageWith(ctx, topic, id)
	if err != nil {
		return err
	}
	brokers, err := c.fleet(ctx, "")
	if err != nil {
		return err
	}
	for i := range brokers {
		if brokers[i].Name != m.BrokerName {
			continue
		}
		addr, err := masterOf(&brokers[i])
		if err != nil {
			return err
		}
		done, err := c.ConsumeDirectly(ctx, addr, &protocol.ConsumeDirectlyHeader{ConsumerGroup: group, ClientID: member, MsgID: m.OffsetID, BrokerName: m.BrokerName, Topic: topic})
		if err != nil {
			return err
		}
		c.Fact("handled", done, "ConsumeMessageDirectlyResult [order=%t, autoCommit=%t, consumeResult=%s, remark=%s, spentTimeMills=%d]\n", done.Order, done.AutoCommit,
			done.Result, javatext.Text(done.Remark), done.Millis)
		return nil
	}
	return fmt.Errorf("the NameServer knows no broker %s", m.BrokerName)
}

// sendAgain sends a copy of a message.
func (c *call) sendAgain(ctx context.Context, topic, id string) error {
	m, err := c.messageWith(ctx, topic, id)
	if err != nil {
		return err
	}
	copied := &client.Message{Topic: m.Topic, Body: m.Body, Tag: m.Tag, Keys: m.Keys, Flag: m.Flag, Properties: map[string]string{}}
	for name, value := range m.Properties {
		if !wire.IsSystemProperty(name) {
			copied.Properties[name] = value
		}
	}
	c.Say("prepare resend msg. originalMsgId=%s", id)
	return c.producing(ctx, "ReSendMsgById", func(p *client.Producer) error {
		r, err := p.Send(ctx, copied)
		if err == nil {
			c.Add("sent", sentView(&r))
			c.Say("%s\n", javaSent(&r))
		}
		return err
	})
}

// show prints a message and what its groups have done with it. withID is for messages that were asked for by id or offset.
func (c *call) show(ctx context.Context, m *admin.Message, withID bool, n int) error {
	file := c.keepBody(m, n)
	text := func(name, value string) { c.Say("%-20s %s\n", name, value) }
	number := func(name string, value int64) { c.Say("%-20s %d\n", name, value) }
	if withID {
		text("OffsetID:", m.OffsetID)
	}
	text("Topic:", m.Topic)
	text("Tags:", "["+javatext.Text(m.Tag)+"]")
	text("Keys:", "["+javatext.Text(strings.Join(m.Keys, " "))+"]")
	number("Queue ID:", int64(m.QueueID))
	number("Queue Offset:", m.Offset)
	number("CommitLog Offset:", m.LogOffset)
	number("Reconsume Times:", int64(m.ReconsumeTimes))
	text("Born Timestamp:", c.stampMillis(m.BornAt.UnixMilli()))
	text("Store Timestamp:", c.stampMillis(m.StoredAt.UnixMilli()))
	text("Born Host:", m.BornHost.String())
	text("Store Host:", m.StoreHost.String())
	number("System Flag:", int64(m.SysFlag))
	text("Properties:", javatext.Map(m.Properties))
	text("Message Body Path:", file)
	if c.has("bodyFormat") {
		text("Message Body:", string(m.Body))
	}
	tracks, errTracks := c.tracks(ctx, m)
	if len(tracks) == 0 {
		c.Say("\n\nWARN: No Consumer\n")
	} else {
		c.Say("\n\n")
	}
	for _, t := range tracks {
		c.Say("MessageTrack [consumerGroup=%s, trackType=%s, exceptionDesc=%s]\n", t.Group, t.Kind, javatext.Text(t.Trouble))
	}
	c.Add("messages", messageView(m, tracks))
	return errTracks
}

// messageView is a message for --json. Its body is text, or base64 where it is none.
func messageView(m *admin.Message, tracks []track) map[string]any {
	v := map[string]any{"topic": m.Topic, "broker": m.BrokerName, "queueId": m.QueueID, "queueOffset": m.Offset, "offsetId": m.OffsetID, "msgId": m.ID,
		"tag": m.Tag, "keys": m.Keys, "commitLogOffset": m.LogOffset, "reconsumeTimes": m.ReconsumeTimes, "bornTimestamp": m.BornAt.UnixMilli(),
		"storeTimestamp": m.StoredAt.UnixMilli(), "bornHost": m.BornHost.String(), "storeHost": m.StoreHost.String(), "sysFlag": m.SysFlag, "flag": m.Flag,
		"properties": m.Properties, "storeSize": m.StoreSize}
	bodyView(v, m.Body)
	if tracks != nil {
		v["tracks"] = tracks
	}
	return v
}

// keepBody writes a message's body to a file, as mqadmin does, and returns its name. With --json there is none, and where it cannot be
// written, as the folder is another user's, a warning.
func (c *call) keepBody(m *admin.Message, n int) string {
	if c.JSON {
		return ""
	}
	file, err := keepBody(filepath.Join(c.env.TempDir, "rocketmq", "msgbodys"), m, n)
	if err != nil {
		c.warn("the body is not copied to a file: %v", err)
		return ""
	}
	return file
}

func keepBody(dir string, m *admin.Message, n int) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // a directory
	name := m.OffsetID
	if !strings.ContainsFunc(m.ID, func(r rune) bool { return !strings.ContainsRune("0123456789ABCDEFabcdef", r) }) && m.ID != "" {
		name = m.ID
	}
	if n > 0 {
		name += fmt.Sprintf("_%d", n)
	}
	return filepath.Join(dir, name), root.WriteFile(name, m.Body, 0o600)
}
