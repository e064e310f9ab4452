package aerobee

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/cli/doctor"
	"github.com/aerobee-mq/aerobee/cli/journey"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/projection/pop"
)

// answers are those to "why", asked of the cluster's brokers.
func (s *Server) answers() api.Answers {
	return api.Answers{
		Node: func(ctx context.Context) (v1.Diagnosis, error) {
			if err := s.ready(); err != nil {
				return v1.Diagnosis{}, err
			}
			servers := s.nameServers()
			one := func(server string) (*admin.Admin, error) {
				return admin.New(admin.Options{NameServers: []string{server}, Dial: s.dialOwn, Logger: s.log})
			}
			return doctor.AskCluster(ctx, servers, one, s.askNode), nil
		},
		Topic: func(ctx context.Context, topic string) (v1.Diagnosis, error) {
			a, err := s.askBrokers()
			if err != nil {
				return v1.Diagnosis{}, err
			}
			return doctor.AskTopic(ctx, a, s.askNode, topic)
		},
		Group: func(ctx context.Context, group string) (v1.Diagnosis, error) {
			a, err := s.askBrokers()
			if err != nil {
				return v1.Diagnosis{}, err
			}
			d, _, err := doctor.AskGroup(ctx, a, s.askNode, group)
			return d, err
		},
		Trace: func(ctx context.Context, id, topic string) (v1.Trace, error) {
			a, err := s.askBrokers()
			if err != nil {
				return v1.Trace{}, err
			}
			return journey.Of(ctx, a, s.askNode, id, topic)
		},
	}
}

// maxNodeAnswer bounds what another node may answer.
const maxNodeAnswer = 16 << 20

// checkAddress wants an address that a NameServer has told to be a host and a port: more would have a node ask for something else.
func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || host == "" || strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`/\?#@%&"<>`, r)
	}) {
		return fmt.Errorf("%.100q is no host and port", addr)
	}
	return nil
}

// askNode asks a node at a broker's address for a body of /api/v1: this one without a socket. A connection to another one is for this question
// alone, and ends with the node.
func (s *Server) askNode(ctx context.Context, addr, path string, into any) error {
	if err := checkAddress(addr); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.own.life, cancel)()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return err
	}
	if _, own := s.leadsHere(addr); own {
		out := &answered{head: http.Header{}, status: http.StatusOK}
		s.api.ServeHTTP(out, api.Own(request))
		return out.decode(path, into)
	}
	web := http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return s.dialOther(ctx, addr) }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := web.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing was written
	out := &answered{status: answer.StatusCode}
	if _, err := out.body.ReadFrom(io.LimitReader(answer.Body, maxNodeAnswer)); err != nil {
		return err
	}
	return out.decode(path, into)
}

// answered is an answer that is kept.
type answered struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

// Header are the answer's head lines.
func (a *answered) Header() http.Header { return a.head }

// WriteHeader keeps the status.
func (a *answered) WriteHeader(status int) { a.status = status }

// Write keeps a part of the body.
func (a *answered) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answered) decode(path string, into any) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("GET %s is answered with %d: %.300s", path, a.status, a.body.Bytes())
	}
	return json.Unmarshal(a.body.Bytes(), into)
}

// reportQueues is what the broker knows of a group's queues.
func (s *Server) reportQueues(group string) (v1.GroupQueues, error) {
	if err := s.withStore(); err != nil {
		return v1.GroupQueues{}, err
	}
	return v1.GroupQueues{Group: group, Broker: s.cfg.BrokerName, Queues: s.broker.GroupQueues(group)}, nil
}

// popState is what became of one message in a group that pops.
func (s *Server) popState(group, topic string, queue int32, offset int64) string {
	state, ok := s.store.PopState(group, message.Queue{Topic: topic, ID: message.QueueID(queue)}, message.QueueOffset(offset))
	if !ok {
		return ""
	}
	return map[pop.State]string{pop.Unpopped: "unpopped", pop.InFlight: "in-flight", pop.Deliverable: "late", pop.Acknowledged: "acknowledged"}[state]
}

// reportClients lists who is connected to the broker.
func (s *Server) reportClients() ([]v1.Client, error) {
	if err := s.withStore(); err != nil {
		return nil, err
	}
	return s.broker.Clients(), nil
}

// liveReport is the last that was told to live streams.
type liveReport struct {
	turn chan struct{} // held by who looks
	last v1.Rates      // for who holds it
}

// liveFor is how long a report is told again: less than live streams let pass between two.
const liveFor = 900 * time.Millisecond

func (l *liveReport) init() { l.turn = make(chan struct{}, 1) }

// reportLive tells of this moment, to many at once of the same.
func (s *Server) reportLive() (v1.Rates, error) {
	if err := s.withStore(); err != nil {
		return v1.Rates{}, err
	}
	s.live.turn <- struct{}{}
	defer func() { <-s.live.turn }()
	if time.Since(s.live.last.At) >= liveFor {
		s.live.last = s.lookLive()
	}
	return s.live.last, nil
}

// lookLive looks at this moment. What passed through is counted since the start; of what is told for each topic or group, the sum.
func (s *Server) lookLive() v1.Rates {
	st := s.store.Stats()
	r := v1.Rates{At: time.Now(), Connections: s.listeners.Open(), LogEnd: int64(st.LogEnd), SyncedOffset: int64(st.Synced), Pending: st.PendingTimers,
		HalfMessages: int64(st.Halves), PopsInFlight: int64(st.PopsInFlight), DiskFreeBytes: st.DiskFree}
	s.broker.Metrics(func(m metrics.Sample) {
		switch m.Name {
		case "rocketmq_messages_in_total":
			r.MessagesIn += m.Value
		case "rocketmq_messages_out_total":
			r.MessagesOut += m.Value
		case "rocketmq_throughput_in_total":
			r.BytesIn += m.Value
		case "rocketmq_throughput_out_total":
			r.BytesOut += m.Value
		case "rocketmq_send_to_dlq_messages_total":
			r.DeadLetters += int64(m.Value)
		case "aerobee_sends_refused_total":
			r.RefusedSends += int64(m.Value)
		case "aerobee_pulls_held":
			r.PullsHeld += int64(m.Value)
		}
	})
	return r
}
