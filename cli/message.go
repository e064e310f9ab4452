package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
)

// newMessage groups the commands that look for stored messages.
func newMessage(e env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "message",
		Short: "Get a message by its id, search messages by key, trace what became of one",
		Long:  "Get a message by its id, search messages by key, trace what became of one, on Aerobee and on Apache RocketMQ alike.",
		Example: "  aerobee message get 7F0000010000277800000000000004D2\n" +
			"  aerobee message get AC11000200032A139A550000000000A1 --topic Orders\n" +
			"  aerobee message search Orders --key order-17\n" +
			"  aerobee message trace AC11000200032A139A550000000000A1 --topic Orders",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMessageGet(e), newMessageSearch(e), newMessageTrace(e))
	return cmd
}

// messageLine is a message in JSON, stored or received. Body is there when it is text, BodyBase64 when it is not.
type messageLine struct {
	ID             string            `json:"id"`
	OffsetID       string            `json:"offsetId"`
	Topic          string            `json:"topic"`
	Broker         string            `json:"broker"`
	Queue          int32             `json:"queue"`
	Offset         int64             `json:"offset"`
	Tag            string            `json:"tag"`
	Keys           []string          `json:"keys"`
	Properties     map[string]string `json:"properties"`
	BornAt         *time.Time        `json:"bornAt"`
	BornHost       string            `json:"bornHost"`
	StoredAt       *time.Time        `json:"storedAt"`
	StoreHost      string            `json:"storeHost"`
	ReconsumeTimes int               `json:"reconsumeTimes"`
	Body           *string           `json:"body,omitempty"`
	BodyBase64     string            `json:"bodyBase64,omitempty"`
	raw            []byte
}

// with is the line with what a stored message and a delivered one have alike.
func (l messageLine) with(keys []string, properties map[string]string, body []byte) messageLine {
	l.Keys = append([]string{}, keys...)
	l.Properties, l.raw = userProperties(properties), body
	if utf8.Valid(body) {
		text := string(body)
		l.Body = &text
	} else {
		l.BodyBase64 = base64.StdEncoding.EncodeToString(body)
	}
	return l
}

func lineOfMessage(m *admin.Message) messageLine {
	l := messageLine{ID: m.ID, OffsetID: m.OffsetID, Topic: m.Topic, Broker: m.BrokerName, Queue: m.QueueID, Offset: m.Offset, Tag: m.Tag,
		BornAt: stamp(m.BornAt), BornHost: m.BornHost.String(), StoredAt: stamp(m.StoredAt), StoreHost: m.StoreHost.String(), ReconsumeTimes: m.ReconsumeTimes}
	return l.with(m.Keys, m.Properties, m.Body)
}

// userProperties leaves out what has a place of its own.
func userProperties(all map[string]string) map[string]string {
	out := maps.Clone(all)
	if out == nil {
		out = map[string]string{}
	}
	for _, name := range []string{message.PropKeys, message.PropTags, message.PropUniqueKey, message.PropWait, message.PropMinOffset, message.PropMaxOffset,
		message.PropCluster, message.PropRegion, message.PropTraceOn, message.PropCRC} {
		delete(out, name)
	}
	return out
}

// bodyText is a body for people: text as it is, what is none as Go writes strings.
func bodyText(body []byte) string {
	if utf8.Valid(body) {
		return string(body)
	}
	return fmt.Sprintf("%q", body)
}

func newMessageGet(e env) *cobra.Command {
	var topic string
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show the message with an id",
		Long: "Show the message with an id. There are two kinds, which look alike: the offset message id says where the message lies;\n" +
			"the unique id, which clients print, was given by the producer, and needs --topic. With --topic both are tried.",
		Example: "  aerobee message get 7F0000010000277800000000000004D2\n" +
			"  aerobee message get AC11000200032A139A550000000000A1 --topic Orders --json",
		Args: exactArgs("ID"),
	}
	c := connected(e, cmd)
	cmd.Flags().StringVar(&topic, "topic", "", "the message's `TOPIC`, needed for unique ids")
	_ = cmd.RegisterFlagCompletionFunc("topic", c.completeTopicFlag) // fails for a flag that is not there
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, subject{topic: topic}, func(ctx context.Context, a *admin.Admin) error {
			found, err := getMessage(ctx, a, args[0], topic)
			if err != nil {
				return err
			}
			if c.asJSON {
				return e.printJSON(lineOfMessage(&found))
			}
			return e.printMessage(&found)
		})
	}
	return cmd
}

// getMessage tries both kinds of ids.
func getMessage(ctx context.Context, a *admin.Admin, id, topic string) (admin.Message, error) {
	if topic != "" {
		list, err := a.Messages(ctx, admin.Query{Topic: topic, Key: id, Unique: true})
		if len(list) > 0 {
			return list[len(list)-1], nil // a unique id can be stored twice: the last one counts
		}
		if err != nil {
			return admin.Message{}, err
		}
	}
	found, err := a.MessageAt(ctx, id)
	switch {
	case errors.Is(err, cluster.ErrNotFound) && topic == "":
		return found, &hint{"no broker has a message at " + id + "; if this is the unique id that a client printed, add --topic TOPIC", err}
	case err != nil && topic != "" && (errors.Is(err, cluster.ErrNotFound) || len(id) != 32 && len(id) != 56):
		return found, &hint{"no broker has a message with id " + id + " in topic " + topic + "; it may have been deleted with its segment, or lie in another topic", err}
	case err != nil && len(id) != 32 && len(id) != 56:
		return found, usageError{error: err}
	}
	return found, err
}

func (e env) printMessage(m *admin.Message) error {
	rows := [][2]string{
		{"id", orDash(m.ID)}, {"offset id", m.OffsetID}, {"topic", m.Topic}, {"queue", fmt.Sprintf("%s:%d", m.BrokerName, m.QueueID)}, {"offset", fmt.Sprint(m.Offset)},
		{"tag", orDash(m.Tag)}, {"keys", orDash(strings.Join(m.Keys, " "))}, {"born", clock(m.BornAt) + " at " + m.BornHost.String()},
		{"stored", clock(m.StoredAt) + " at " + m.StoreHost.String()}, {"retries", fmt.Sprint(m.ReconsumeTimes)},
	}
	properties := userProperties(m.Properties)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		rows = append(rows, [2]string{name, properties[name]})
	}
	for _, r := range rows {
		if err := e.printf("%-10s %s\n", r[0], r[1]); err != nil {
			return err
		}
	}
	return e.printf("%-10s %s\n\n%s\n", "size", plural(int64(len(m.Body)), "byte"), bodyText(m.Body))
}

func newMessageSearch(e env) *cobra.Command {
	var key, from, to string
	var most int
	cmd := &cobra.Command{
		Use:   "search TOPIC --key KEY",
		Short: "Search a topic's messages by key",
		Example: "  aerobee message search Orders --key order-17\n" +
			"  aerobee message search Orders --key order-17 --from 2h --json",
		Args: exactArgs("TOPIC"),
	}
	c := connected(e, cmd)
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "one of the messages' `KEY`s, or a unique id")
	f.StringVar(&from, "from", "", "stored since this `TIME`: 2h ago, or a time")
	f.StringVar(&to, "to", "", "stored up to this `TIME`")
	f.IntVar(&most, "max", 32, "most messages of each broker, the newest `N`")
	cmd.ValidArgsFunction = c.completeTopics
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := admin.Query{Topic: args[0], Key: key, Max: most}
		if key == "" {
			return usageErrorf("--key is missing; to look through a topic use: aerobee receive %s", args[0])
		}
		for _, bound := range []struct {
			flag, text string
			into       *time.Time
		}{{"from", from, &q.From}, {"to", to, &q.To}} {
			if bound.text == "" {
				continue
			}
			t, ok := parseTime(bound.text, time.Now())
			if !ok {
				return usageErrorf("--%s %q is no time: give 2h, \"2026-01-31 15:04\" or 2026-01-31T15:04:05Z", bound.flag, bound.text)
			}
			*bound.into = t
		}
		return c.run(cmd, subject{topic: args[0]}, func(ctx context.Context, a *admin.Admin) error {
			list, err := a.Messages(ctx, q)
			if err == nil && len(list) == 0 {
				q.Unique = true
				list, err = a.Messages(ctx, q)
			}
			if err != nil && len(list) == 0 {
				return err
			}
			return errors.Join(err, c.printMessages(list, q))
		})
	}
	return cmd
}

func (c *connection) printMessages(list []admin.Message, q admin.Query) error {
	lines := make([]messageLine, 0, len(list))
	var rows [][]any
	for i := range list {
		m := &list[i]
		lines = append(lines, lineOfMessage(m))
		rows = append(rows, []any{orDash(m.ID), fmt.Sprintf("%s:%d", m.BrokerName, m.QueueID), m.Offset, clock(m.StoredAt), orDash(m.Tag), snippet(m.Body)})
	}
	switch {
	case c.asJSON:
		return c.e.printJSON(lines)
	case len(rows) == 0:
		return c.e.printf("No message of topic %s has the key %s\n", q.Topic, q.Key)
	}
	return c.e.table(columns("ID", "QUEUE", "#OFFSET", "STORED", "TAG", "BODY"), rows)
}

// maxSnippet is how much of a body a table shows, in letters.
const maxSnippet = 40

// snippet is the beginning of a body on one line.
func snippet(body []byte) string {
	return shortened(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, bodyText(body)), maxSnippet)
}

// shortened is a text of at most so many letters.
func shortened(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}

// completeTopicFlag completes a flag's value with names of topics.
func (c *connection) completeTopicFlag(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	return c.completeTopics(cmd, nil, begun)
}
