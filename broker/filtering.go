package broker

import (
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/broker/member"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/store"
)

// keptFilters is how many compiled expressions the broker keeps for clients that send theirs again and again.
const keptFilters = 1024

// filterBudget is how many bytes an SQL92 filter may look at for one pull, see [filter.Filter.Cost]. A pull that has spent
// it is answered with what it has, and its client goes on from there.
const filterBudget = 16 << 20

// errClassFilter is why a subscription with a filter class is not served.
var errClassFilter = errors.New("filter classes ran on filter servers, which RocketMQ 5 has no more: subscribe with tags or SQL92")

// refuseFilter says why an expression is not served: 23 for one that cannot be read, 1 for a kind that is unknown or that the
// operator has switched off. It returns nil for any other.
func (b *Broker) refuseFilter(kind string, err error) *apart.Refusal {
	switch {
	case kind == filter.SQL92 && b.live.Load().DenyPropertyFilter, errors.Is(err, filter.ErrUnsupported):
		return apart.Refuse(protocol.ResSystemError, "The broker does not support consumer to filter message by %.40s", kind)
	case err != nil:
		return apart.Refuse(protocol.ResSubscriptionParseFailed, "parse the consumer's subscription failed: %v", err)
	}
	return nil
}

// pullFilter takes the filter that stands in the request.
func (b *Broker) pullFilter(p *pullRequest) *pullRefusal {
	f, err := b.filters.Compile(p.hdr.ExpressionType, p.hdr.Subscription)
	if p.hdr.SysFlag&protocol.PullClassFilter != 0 {
		err = errClassFilter
	}
	if r := b.refuseFilter(p.hdr.ExpressionType, err); r != nil {
		return &pullRefusal{Refusal: *r}
	}
	p.filter = f
	return nil
}

// announcedFilter takes the filter of a subscription that a heartbeat has announced. Apache keeps subscriptions and compiled
// expressions apart, so that one can be older than the other (28); here they are one.
func (b *Broker) announcedFilter(p *pullRequest, sub *member.Subscription) *pullRefusal {
	p.filter = sub.Filter
	switch {
	case errors.Is(sub.Err, errClassFilter) || sub.Err != nil && filter.IsTag(sub.Kind):
		return &pullRefusal{Refusal: *b.refuseFilter(sub.Kind, sub.Err)}
	case sub.Err != nil:
		return &pullRefusal{Refusal: *apart.Refuse(protocol.ResFilterDataNotExist,
			"The broker's consumer filter data is not exist!Your expression may be wrong! %v", sub.Err)}
	}
	if r := b.refuseFilter(sub.Kind, nil); r != nil {
		return &pullRefusal{Refusal: *r}
	}
	return nil
}

// compileAnnounced compiles a subscription of a heartbeat. The client's own hashes of tags do not count: the C++ client sends zeros.
func (b *Broker) compileAnnounced(client, group string, s *protocol.SubscriptionData) (*filter.Filter, error) {
	f, err := b.filters.Compile(s.ExpressionType, s.SubString)
	if s.ClassFilterMode {
		f, err = nil, errClassFilter
	}
	if err != nil {
		b.opt.Logger.Warn("subscription cannot be served", "group", group, "topic", s.Topic, "client", client, "error", err)
		return nil, err
	}
	if rest := f.Ignored(); rest != "" {
		b.opt.Logger.Warn("subscription is read only in part, as Apache reads it: what stands behind the expression's end counts for nothing",
			"group", group, "topic", s.Topic, "client", client, "ignored", fmt.Sprintf("%.200s", rest))
	}
	return f, nil
}

// checkFilter judges a subscription that a client means to make (46).
func (b *Broker) checkFilter(s *protocol.SubscriptionData) *apart.Refusal {
	if s.ClassFilterMode {
		return b.refuseFilter(filter.Tag, errClassFilter)
	}
	_, err := b.filters.Compile(s.ExpressionType, s.SubString)
	if errors.Is(err, filter.ErrUnsupported) && !b.live.Load().DenyPropertyFilter {
		return apart.Refuse(protocol.ResSubscriptionParseFailed, "%v", err)
	}
	return b.refuseFilter(s.ExpressionType, err)
}

// get reads what a pull asks for. Without wait it does not ask the disk, and Err is then [message.ErrWouldWait].
func (b *Broker) get(dst []byte, p *pullRequest, count, size int, wait bool) ([]byte, store.GetResult) {
	from := message.QueueOffset(p.hdr.QueueOffset)
	if p.filter.ByProperties() {
		budget := filterBudget
		body, got := b.store.GetMatching(dst, p.queue, from, count, size, func(properties message.Properties) (wanted, more bool) {
			budget -= p.filter.Cost(len(properties))
			return p.filter.MatchProperties(properties), budget > 0
		})
		if p.passed && got.Status == store.OffsetOverflowOne {
			got.Status = store.NoMatchedMessage
		}
		return body, got
	}
	match := p.filter.Match
	if p.filter.MatchesAll() {
		match = nil
	}
	if !wait {
		return b.store.GetReady(dst, p.queue, from, count, size, match)
	}
	return b.store.Get(dst, p.queue, from, count, size, match)
}

// waitsOn reports whether a pull that woke up goes back on hold, from where it has read to. Every message of its queue wakes a pull with SQL92,
// since the expression is not evaluated where messages are committed; when it wants none of them its client need not hear
// of it before its time is up.
func (b *Broker) waitsOn(p *pullRequest, got *store.GetResult) bool {
	if !p.held || p.last || !p.filter.ByProperties() || got.Status != store.NoMatchedMessage && got.Status != store.OffsetOverflowOne ||
		b.steady().UnixMilli() >= p.deadline {
		return false
	}
	p.passed = p.passed || int64(got.Next) > p.hdr.QueueOffset
	p.hdr.QueueOffset = int64(got.Next)
	return true
}
