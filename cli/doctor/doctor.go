// Package doctor says why: why a cluster is not well, why a topic has no route, why a group does not consume. For each there is what is
// known ([Cluster], [TopicFacts], [GroupFacts]), pure rules over it, and an Ask function that finds it out from brokers, Aerobee's or
// Apache's. Package cli prints what comes out, and a node answers with it over HTTP. All of it may be called at once.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// Finding is one thing that is wrong, or worth knowing.
type Finding = v1.Finding

// Node asks a node at a broker's address for a body of /api/v1; an error where it is none of ours, or does not say.
type Node func(ctx context.Context, addr, path string, into any) error

// findings gathers what is found.
type findings struct{ list []Finding }

// rule is what one finding says beside its numbers: its name, why it matters, and what to try.
type rule struct{ name, why, try string }

func (f *findings) add(r rule, problem bool, number int64, says string, args ...any) {
	f.list = append(f.list, Finding{Rule: r.name, Problem: problem, Says: fmt.Sprintf(says, args...), Why: r.why, Number: number, Try: r.try})
}

// diagnosis is what was found of a subject.
func diagnosis(subject string, found []Finding) v1.Diagnosis {
	d := v1.Diagnosis{Subject: subject, Findings: append([]Finding{}, found...)}
	for _, f := range found {
		if f.Problem {
			d.Problems++
		}
	}
	return d
}

// since is how long ago a time was, in whole seconds.
func since(now, t time.Time) int64 { return int64(now.Sub(t) / time.Second) }
