package admin

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
)

// BrokerConfig is the configuration of the broker at the address, in its own order (26).
func (a *Admin) BrokerConfig(ctx context.Context, addr string) ([]config.Property, error) {
	return a.properties(ctx, addr, protocol.ReqGetBrokerConfig)
}

// SetBrokerConfig changes the configuration of the broker at the address (25).
func (a *Admin) SetBrokerConfig(ctx context.Context, addr string, change ...config.Property) error {
	_, err := a.call(ctx, addr, protocol.ReqUpdateBrokerConfig, nil, propertiesText(change))
	return err
}

func (a *Admin) properties(ctx context.Context, addr string, code int32) ([]config.Property, error) {
	answer, err := a.call(ctx, addr, code, nil, nil)
	if err != nil {
		return nil, err
	}
	pairs, err := config.ParseProperties(string(answer.Body))
	if err != nil {
		return nil, fmt.Errorf("admin: answer of %s to request %d: %w", addr, code, err)
	}
	return pairs, nil
}

// propertiesText writes what [config.ParseProperties] reads, and java.util.Properties, which reads Latin-1: all else is escaped.
func propertiesText(pairs []config.Property) []byte {
	var out strings.Builder
	escape := func(text string, key bool) {
		for i, r := range text {
			switch {
			case r == '\n':
				out.WriteString(`\n`)
			case r == '\r':
				out.WriteString(`\r`)
			case r == '\t':
				out.WriteString(`\t`)
			case r == '\\', key && strings.ContainsRune(" =:#!", r), r == ' ' && i == 0:
				out.WriteByte('\\')
				out.WriteRune(r)
			case r > 0x7E:
				for _, unit := range utf16.AppendRune(nil, r) {
					fmt.Fprintf(&out, `\u%04X`, unit)
				}
			default:
				out.WriteRune(r)
			}
		}
	}
	for _, p := range pairs {
		escape(p.Key, true)
		out.WriteByte('=')
		escape(p.Value, false)
		out.WriteByte('\n')
	}
	return []byte(out.String())
}

// CleanExpiredQueues has the broker drop consume queues that hold nothing any more (306).
func (a *Admin) CleanExpiredQueues(ctx context.Context, addr string) error {
	_, err := a.call(ctx, addr, protocol.ReqCleanExpiredConsumeQueue, nil, nil)
	return err
}

// CleanUnusedTopics has the broker drop the queues of topics that it does not have any more (316).
func (a *Admin) CleanUnusedTopics(ctx context.Context, addr string) error {
	_, err := a.call(ctx, addr, protocol.ReqCleanUnusedTopic, nil, nil)
	return err
}

// DeleteExpiredLog has the broker delete the segments of its log whose time is over (329).
func (a *Admin) DeleteExpiredLog(ctx context.Context, addr string) error {
	_, err := a.call(ctx, addr, protocol.ReqDeleteExpiredCommitLog, nil, nil)
	return err
}
