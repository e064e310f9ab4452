package group

import (
	"math"
	"slices"
)

// The types of a [RetryPolicy].
const (
	RetryCustomized  = "CUSTOMIZED"
	RetryExponential = "EXPONENTIAL"
)

// RetryPolicy says how long a failed message waits before it comes back: Apache's GroupRetryPolicy. In RocketMQ the proxy alone
// goes by it; here a policy that somebody has chosen counts for what remoting clients send back too, where they leave the
// delay to the broker.
type RetryPolicy struct {
	Customized  *Customized  `json:"customizedRetryPolicy,omitempty"`
	Exponential *Exponential `json:"exponentialRetryPolicy,omitempty"`
	Type        string       `json:"type,omitempty"`
}

// Customized is a list of delays in milliseconds. A first failure takes the third, as the delay levels begin at 3.
type Customized struct {
	Next []int64 `json:"next"`
}

// Exponential is min(Max, Initial * Multiplier^failures), in milliseconds.
type Exponential struct {
	Initial    int64 `json:"initial"`
	Max        int64 `json:"max"`
	Multiplier int64 `json:"multiplier"`
}

// defaultDelays returns the 18 delay levels in milliseconds.
func defaultDelays() []int64 {
	const s, m, h = 1000, 60 * 1000, 3600 * 1000
	return []int64{1 * s, 5 * s, 10 * s, 30 * s, 1 * m, 2 * m, 3 * m, 4 * m, 5 * m, 6 * m, 7 * m, 8 * m, 9 * m, 10 * m, 20 * m, 30 * m, 1 * h, 2 * h}
}

// DelayMillis is how long a message waits that has been consumed again reconsumeTimes times already. A missing policy, or
// one without the parameters of its type, is the list of the 18 delay levels.
func (p *RetryPolicy) DelayMillis(reconsumeTimes int) int64 {
	reconsumeTimes = max(reconsumeTimes, 0)
	if p != nil && p.Type == RetryExponential && p.Exponential != nil {
		e := p.Exponential
		// Java computes in doubles too, and multiplies as a long; saturating instead of wrapping keeps the result a delay.
		delay := float64(e.Initial) * math.Pow(float64(e.Multiplier), float64(min(reconsumeTimes, 32)))
		return int64(min(delay, float64(e.Max)))
	}
	delays := p.Delays()
	return delays[min(reconsumeTimes+2, len(delays)-1)]
}

// Delays are the delays of a policy that lists them, in milliseconds; the 18 delay levels if it does not. The caller does not change them.
func (p *RetryPolicy) Delays() []int64 {
	if p != nil && p.Type == RetryCustomized && p.Customized != nil && len(p.Customized.Next) > 0 {
		return p.Customized.Next
	}
	return defaultDelays()
}

// Chosen reports whether the policy says more than a group has by default: delays of its own.
func (p *RetryPolicy) Chosen() bool {
	return p != nil && (p.Type == RetryExponential && p.Exponential != nil || p.Type == RetryCustomized && p.Customized != nil && len(p.Customized.Next) > 0)
}

func (p *RetryPolicy) clone() *RetryPolicy {
	if p == nil {
		return nil
	}
	q := *p
	if p.Customized != nil {
		q.Customized = &Customized{Next: slices.Clone(p.Customized.Next)}
	}
	if p.Exponential != nil {
		e := *p.Exponential
		q.Exponential = &e
	}
	return &q
}

// isDefault reports whether the policy is the one that [New] gives.
func (p *RetryPolicy) isDefault() bool {
	return p != nil && *p == RetryPolicy{Type: RetryCustomized}
}
