package aerobee

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// refused is how somebody is refused: the code of the answer, or "log" where the connection is closed and the log says why, and the text.
type refused struct{ code, text string }

func (p *peer) refused(r *protocol.Frame) refused {
	p.t.Helper()
	return refused{fmt.Sprint(r.Code), r.Remark}
}

// limitRow is one row of a table in LIMITS.md.
type limitRow struct {
	what, setting, usual string
	refused              // code "" in the second table
}

// limitRows reads the tables of LIMITS.md.
func limitRows(t *testing.T) (all []limitRow) {
	t.Helper()
	text, err := os.ReadFile("LIMITS.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("^`([^`]+)` `([^`]+)`$")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "|") || len(cells) != 4 || strings.HasPrefix(cells[0], " what") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		r := limitRow{what: cells[0], setting: strings.Trim(cells[1], "`"), usual: strings.Trim(cells[2], "`")}
		if found := told.FindStringSubmatch(cells[3]); found != nil {
			r.refused = refused{found[1], found[2]}
		}
		all = append(all, r)
	}
	return all
}

// TestLimitsAreAsLimitsSays meets each limit of the table in LIMITS.md and compares how it refuses with what the table says; N stands for any number.
func TestLimitsAreAsLimitsSays(t *testing.T) {
	known := map[string]func(*testing.T) refused{}
	for _, part := range []map[string]func(*testing.T) refused{connectionLimits(), messageLimits(), keptLimits(), waitingLimits(), rateLimits(), userRateLimits(), grpcLimits()} {
		for name, f := range part {
			known[name] = f
		}
	}
	number := regexp.MustCompile(`\bN(ms)?\b`)
	for _, row := range limitRows(t) {
		if row.code == "" {
			continue
		}
		t.Run(row.what, func(t *testing.T) {
			meet := known[row.what]
			if meet == nil {
				t.Fatal("no test meets this limit")
			}
			delete(known, row.what)
			got := meet(t)
			like := regexp.MustCompile("^" + number.ReplaceAllString(regexp.QuoteMeta(row.text), `\d+$1`) + "$")
			if got.code != row.code || !like.MatchString(got.text) {
				t.Errorf("refused with %s %q,\nLIMITS.md says      %s %q", got.code, got.text, row.code, row.text)
			}
			if row.setting != "fixed" && !strings.Contains(got.text, row.setting) {
				t.Errorf("%q does not name %s", got.text, row.setting)
			}
		})
	}
	if !t.Failed() && len(known) > 0 {
		t.Errorf("LIMITS.md leaves out %v", known)
	}
}

// TestLimitsNamesSettingsAndDefaults: what the tables say of settings is true, and no setting that bounds something is left out.
func TestLimitsNamesSettingsAndDefaults(t *testing.T) {
	usual := config.Default()
	var told []string
	for _, row := range limitRows(t) {
		told = append(told, row.setting)
		if row.setting == "fixed" || strings.Contains(row.setting, ".quota.") || row.setting == "memoryLimit" {
			continue
		}
		if got := usual.Value(row.setting); got != row.usual {
			t.Errorf("%s: the default of %s is %q, LIMITS.md says %q", row.what, row.setting, got, row.usual)
		}
	}
	for _, k := range config.Keys() {
		if k.Effective && regexp.MustCompile(`^max[A-Z]|Limit$|Threshold$|Size$|Num$`).MatchString(k.Name) && !slices.Contains(told, k.Name) &&
			!slices.Contains([]string{"mappedFileSizeCommitLog", "enablePopMessageThreshold", "defaultPopShareQueueNum"}, k.Name) {
			t.Errorf("LIMITS.md leaves out %s: %s", k.Name, k.Doc)
		}
	}
}

// said is a log whose lines a test reads: the text, with the number and the limit that stand beside it.
type said chan string

func (s said) Enabled(context.Context, slog.Level) bool { return true }

func (s said) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "number" || a.Key == "limit" {
			text += " " + a.Key + "=" + a.Value.String()
		}
		return true
	})
	select {
	case s <- text:
	default: // the test has ended
	}
	return nil
}

func (s said) WithAttrs([]slog.Attr) slog.Handler { return s }

func (s said) WithGroup(string) slog.Handler { return s }

// cutOff starts a node, lets do break a rule, and waits for what the log says of connections that were refused or closed.
func cutOff(t *testing.T, do func(s *Server), settings ...string) refused {
	t.Helper()
	log := make(said, 1000)
	s, err := tryStartSaid(t, world{}, slog.New(log), settings...)
	if err != nil {
		t.Fatal(err)
	}
	do(s)
	for late := time.After(20 * time.Second); ; {
		select {
		case line := <-log:
			if strings.Contains(line, "connection refused: ") || strings.Contains(line, "connection closed: ") {
				return refused{"log", line}
			}
		case <-late:
			t.Fatal("the log says nothing")
		}
	}
}

// sayTo opens a connection and writes, and leaves it open.
func sayTo(t *testing.T, s *Server, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// frameHead is the beginning of a frame of so many bytes, with a header of so many.
func frameHead(total, header uint32) string {
	return string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, total), header))
}

func connectionLimits() map[string]func(*testing.T) refused {
	two := func(t *testing.T, settings ...string) refused {
		return cutOff(t, func(s *Server) {
			s.dial(t).route("TBW102")
			sayTo(t, s, "")
		}, settings...)
	}
	say := func(text string, settings ...string) func(*testing.T) refused {
		return func(t *testing.T) refused {
			return cutOff(t, func(s *Server) { sayTo(t, s, text) }, settings...)
		}
	}
	fields := strings.Repeat(`"a":"b",`, 4097)
	header := `{"code":34,"extFields":{` + fields[:len(fields)-1] + `}}`
	return map[string]func(*testing.T) refused{
		"open connections":                func(t *testing.T) refused { return two(t, "maxConnections", "1") },
		"open connections of one address": func(t *testing.T) refused { return two(t, "maxConnectionsPerAddress", "1") },
		"bytes of a remoting frame":       say(frameHead(1<<24, 0)),
		"bytes of its header":             say(frameHead(1<<18, 1<<17), "maxHeaderSize", "65536"),
		"fields of its header":            say(frameHead(uint32(len(header)+4), uint32(len(header))) + header),
		"bytes of a heartbeat": func(t *testing.T) refused {
			p := start(t).dial(t)
			return p.refused(p.call(protocol.ReqHeartBeat, "{}"+strings.Repeat(" ", 1<<20)))
		},
	}
}

func messageLimits() map[string]func(*testing.T) refused {
	send := func(more ...string) func(*testing.T) refused {
		return func(t *testing.T) refused {
			p := start(t).dial(t)
			p.mustSend("T", "x")
			return p.refused(p.send("T", "x", more...))
		}
	}
	asked := func(code int32, body string, fields ...string) func(*testing.T) refused {
		return func(t *testing.T) refused {
			p := start(t).dial(t)
			return p.refused(p.call(code, body, fields...))
		}
	}
	check := func(expression string) func(*testing.T) refused {
		b, err := json.Marshal(map[string]any{"clientId": "c", "group": "G", "subscriptionData": map[string]string{"topic": "T", "subString": expression, "expressionType": "SQL92"}})
		return func(t *testing.T) refused {
			if err != nil {
				t.Fatal(err)
			}
			return asked(protocol.ReqCheckClientConfig, string(b))(t)
		}
	}
	names := strings.Repeat("%LMQ%a,", 1001)
	members := strings.Repeat(`"a",`, 1001)
	return map[string]func(*testing.T) refused{
		"bytes of a message's body, or of a batch": func(t *testing.T) refused {
			p := start(t, "maxMessageSize", "1000").dial(t)
			return p.refused(p.send("T", strings.Repeat("x", 1001)))
		},
		"bytes of a message's properties": send("i", "k\x01"+strings.Repeat("v", 33_000)+"\x02"),
		"light queues of a message":       send("i", "INNER_MULTI_DISPATCH\x01"+names[:len(names)-1]+"\x02"),
		"how far ahead a timer message is": func(t *testing.T) refused {
			p := start(t, "timerMaxDelaySec", "10").dial(t)
			p.mustSend("T", "x")
			return p.refused(p.send("T", "late", "i", "TIMER_DELAY_SEC\x0111\x02"))
		},
		"letters of a topic's name": func(t *testing.T) refused {
			p := start(t).dial(t)
			return p.refused(p.makeTopic(strings.Repeat("t", 128), ""))
		},
		"letters of a group's name":            asked(protocol.ReqUpdateAndCreateSubscriptionGroup, `{"groupName":"`+strings.Repeat("g", 121)+`"}`),
		"topics or groups of a list":           asked(protocol.ReqDeleteTopicInBrokerList, `{"topicList":[`+members[:len(members)-1]+`]}`),
		"bytes of a filter":                    check(strings.Repeat(" ", 64<<10) + "a = 1"),
		"levels of a filter":                   check(strings.Repeat("(", 300) + "a = 1" + strings.Repeat(")", 300)),
		"operators and constants of a filter":  check("a = 1" + strings.Repeat(" AND a = 1", 2048)),
		"steps of a filter's evaluation":       check(betweens(14)),
		"bytes of messages not yet on disk":    testPendingRefusal,
		"bytes of free disk, below the least":  testFreeDiskRefusal,
		"messages of a topic's quota a second": quotaRefusal("+send.quota.messages=1"),
		"bytes of a topic's quota a second":    quotaRefusal("+send.quota.bytes=1"),
	}
}

// betweens nests BETWEENs, each of which evaluates twice what stands before it.
func betweens(n int) string {
	return strings.Repeat("-(", n) + "a" + strings.Repeat(" BETWEEN 0 AND 1)", n) + " IS NULL"
}

func testPendingRefusal(t *testing.T) refused {
	p := start(t, "maxPendingBytes", "1m").dial(t)
	p.mustSend("T", "x")
	return p.refused(p.send("T", strings.Repeat("x", 2<<20)))
}

func testFreeDiskRefusal(t *testing.T) refused {
	dir := t.TempDir()
	p := start(t, "memory", "false", "data", dir, "mappedFileSizeCommitLog", "16m", "minFreeDisk", "1000t").dial(t)
	r := p.refused(p.send("T", "x"))
	return refused{r.code, strings.ReplaceAll(r.text, dir, "DIR")}
}

func quotaRefusal(attribute string) func(*testing.T) refused {
	return func(t *testing.T) refused {
		p := start(t).dial(t)
		p.wantCode(p.makeTopic("T", attribute), protocol.ResSuccess, "")
		for {
			if r := p.send("T", "xx"); r.Code != protocol.ResSuccess {
				return p.refused(r)
			}
		}
	}
}

func keptLimits() map[string]func(*testing.T) refused {
	beat := func(t *testing.T, subs, producers int, settings ...string) refused {
		data := protocol.HeartbeatData{ClientID: "c", ConsumerDataSet: []protocol.ConsumerData{{GroupName: "G"}}}
		for i := range subs {
			data.ConsumerDataSet[0].SubscriptionData = append(data.ConsumerDataSet[0].SubscriptionData, protocol.SubscriptionData{Topic: fmt.Sprint("t", i), SubString: "*"})
		}
		for i := range producers {
			data.ProducerDataSet = append(data.ProducerDataSet, protocol.ProducerData{GroupName: fmt.Sprint("p", i)})
		}
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, settings...).dial(t)
		return p.refused(p.call(protocol.ReqHeartBeat, string(b)))
	}
	return map[string]func(*testing.T) refused{
		"topics": func(t *testing.T) refused {
			p := start(t, "maxTopics", "1").dial(t)
			p.wantCode(p.send("first", "x"), protocol.ResInvalidParameter, "topic first is not made")
			return p.refused(p.makeTopic("T", ""))
		},
		"groups": func(t *testing.T) refused {
			p := start(t, "maxGroups", "1").dial(t)
			p.mustSend("T", "x")
			p.wantCode(p.pull("F", "T", 0, 0), protocol.ResSuccess, "")
			p.wantCode(p.pull("G", "T", 0, 0), protocol.ResInvalidParameter, "group G is not made")
			return p.refused(p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, `{"groupName":"G"}`))
		},
		"queues of a topic": func(t *testing.T) refused {
			p := start(t).dial(t)
			return p.refused(p.call(protocol.ReqUpdateAndCreateTopic, "", "topic", "T", "defaultTopic", "TBW102", "readQueueNums", "65537", "writeQueueNums", "1",
				"perm", "6", "topicFilterType", "SINGLE_TAG", "topicSysFlag", "0", "order", "false"))
		},
		"light queues": func(t *testing.T) refused {
			p := start(t, "maxLmqConsumeQueueNum", "1").dial(t)
			p.mustSend("T", "x", "i", "INNER_MULTI_DISPATCH\x01%LMQ%a\x02")
			return p.refused(p.send("T", "x", "i", "INNER_MULTI_DISPATCH\x01%LMQ%b\x02"))
		},
		"topics that a group subscribes to": func(t *testing.T) refused { return beat(t, 3, 0, "maxSubscriptionsPerGroup", "2") },
		"groups that one connection is in":  func(t *testing.T) refused { return beat(t, 1, 3, "maxGroupsPerConnection", "3") },
	}
}

func waitingLimits() map[string]func(*testing.T) refused {
	return map[string]func(*testing.T) refused{
		"pulls that wait for messages": func(t *testing.T) refused {
			s := start(t, "maxLongPolls", "1")
			s.dial(t).mustSend("T", "x")
			answers := make(chan *protocol.Frame, 2)
			for range 2 {
				p := s.dial(t)
				go func() {
					f := &protocol.Frame{Code: protocol.ReqPullMessage, Version: protocol.CurrentVersion}
					h := protocol.PullMessageHeader{ConsumerGroup: "G", Topic: "T", QueueOffset: 1, MaxMsgNums: 1, SysFlag: 6, SuspendTimeoutMillis: 20_000, Subscription: "*"}
					h.Append(&f.Fields)
					if r, err := p.conn.Invoke(t.Context(), f); err == nil {
						answers <- r
					}
				}()
			}
			r := <-answers // the other one waits
			return refused{fmt.Sprint(r.Code), r.Remark}
		},
		"pops that wait for messages": func(t *testing.T) refused {
			s := start(t, "popPollingMapSize", "1")
			p := s.dial(t)
			p.mustSend("T", "x")
			p.pop("G", "T")
			waiting(t, s, "G")
			p.pop("G2", "T")
			return p.refused(p.pop("G2", "T", "pollTime", "10000"))
		},
		"pops of a group that wait for one queue": func(t *testing.T) refused {
			s := start(t, "popPollingSize", "1")
			p := s.dial(t)
			p.mustSend("T", "x")
			p.pop("G", "T")
			waiting(t, s, "G")
			return p.refused(p.pop("G", "T", "pollTime", "10000"))
		},
	}
}

func rateLimits() map[string]func(*testing.T) refused {
	return map[string]func(*testing.T) refused{
		"remoting requests of one address a second": func(t *testing.T) refused {
			p := start(t, "maxRequestsPerAddress", "1").dial(t)
			for {
				if r := p.call(protocol.ReqGetMaxOffset, "", "topic", "T", "queueId", "0"); r.Code == protocol.ResSystemBusy {
					return p.refused(r)
				}
			}
		},
		"gRPC requests of one address a second": func(t *testing.T) refused {
			u := grpcTo(t, start(t, "maxRequestsPerAddress", "1"), "c")
			for {
				r, err := u.QueryRoute(u.ctx, &pb.QueryRouteRequest{Topic: &pb.Resource{Name: "T"}})
				if err != nil {
					t.Fatal(err)
				}
				if r.GetStatus().GetCode() == pb.Code_TOO_MANY_REQUESTS {
					return told(r.GetStatus())
				}
			}
		},
		"HTTP requests of one address a second": func(t *testing.T) refused {
			s := start(t, "maxRequestsPerAddress", "1")
			for {
				r, err := http.Get("http://" + s.Addr() + "/metrics")
				if err != nil {
					t.Fatal(err)
				}
				var body struct{ Detail string }
				err = json.NewDecoder(r.Body).Decode(&body)
				_ = r.Body.Close()
				if r.StatusCode != http.StatusOK {
					if r.Header.Get("Retry-After") == "" || err != nil {
						t.Errorf("headers %v, %v", r.Header, err)
					}
					get(t, "http://"+s.Addr()+"/ready") // is answered all the same
					return refused{fmt.Sprint(r.StatusCode), body.Detail}
				}
			}
		},
	}
}

// grpcUser is a client that speaks gRPC.
type grpcUser struct {
	pb.MessagingServiceClient
	ctx context.Context
}

func grpcTo(t *testing.T, s *Server, id string) grpcUser {
	t.Helper()
	c, err := grpc.NewClient("passthrough:///"+s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return grpcUser{pb.NewMessagingServiceClient(c), metadata.AppendToOutgoingContext(t.Context(), "x-mq-client-id", id)}
}

func told(st *pb.Status) refused { return refused{st.GetCode().String(), st.GetMessage()} }

func grpcLimits() map[string]func(*testing.T) refused {
	topic := &pb.Resource{Name: "T"}
	sending := func(n int, change func(*pb.Message), settings ...string) func(*testing.T) refused {
		return func(t *testing.T) refused {
			s := start(t, settings...)
			s.dial(t).mustSend("T", "x")
			m := &pb.Message{Topic: topic, SystemProperties: &pb.SystemProperties{MessageId: fmt.Sprintf("01%032d", 1)}, Body: []byte("x")}
			change(m)
			u := grpcTo(t, s, "c")
			r, err := u.SendMessage(u.ctx, &pb.SendMessageRequest{Messages: slices.Repeat([]*pb.Message{m}, n)})
			if err != nil {
				t.Fatal(err)
			}
			return told(r.GetStatus())
		}
	}
	properties := func(n, size int) func(*pb.Message) {
		return func(m *pb.Message) {
			m.UserProperties = map[string]string{}
			for i := range n {
				m.UserProperties[fmt.Sprint("k", i)] = strings.Repeat("v", size)
			}
		}
	}
	return map[string]func(*testing.T) refused{
		"gRPC: bytes of a message's body":    sending(1, func(m *pb.Message) { m.Body = make([]byte, 1001) }, "maxMessageSize", "1000"),
		"gRPC: messages of a request":        sending(1025, func(*pb.Message) {}),
		"gRPC: user properties of a message": sending(1, properties(129, 1)),
		"gRPC: bytes of them":                sending(1, properties(1, 16385)),
		"gRPC: bytes of a message's group":   sending(1, func(m *pb.Message) { m.SystemProperties.MessageGroup = new(strings.Repeat("g", 64)) }),
		"gRPC: acknowledgements of a request": func(t *testing.T) refused {
			u := grpcTo(t, start(t), "c")
			r, err := u.AckMessage(u.ctx, &pb.AckMessageRequest{Topic: topic, Group: &pb.Resource{Name: "G"}, Entries: slices.Repeat([]*pb.AckMessageEntry{{}}, 1025)})
			if err != nil {
				t.Fatal(err)
			}
			return told(r.GetStatus())
		},
		"gRPC: bytes of a client id": func(t *testing.T) refused {
			u := grpcTo(t, start(t), strings.Repeat("c", 513))
			r, err := u.Heartbeat(u.ctx, &pb.HeartbeatRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return told(r.GetStatus())
		},
	}
}

// limitEffects are the proofs of the settings that bound something, for TestEverySettingHasItsEffect.
func limitEffects() map[string]func(*testing.T) {
	byLimit := func(part map[string]func(*testing.T) refused, what, setting string) func(*testing.T) {
		return func(t *testing.T) {
			if got := part[what](t); !strings.Contains(got.text, setting) {
				t.Errorf("refused with %s %s", got.code, got.text)
			}
		}
	}
	return map[string]func(*testing.T){
		"maxConnectionsPerAddress": byLimit(connectionLimits(), "open connections of one address", "maxConnectionsPerAddress"),
		"maxHeaderSize":            byLimit(connectionLimits(), "bytes of its header", "maxHeaderSize"),
		"maxTopics":                byLimit(keptLimits(), "topics", "maxTopics"),
		"maxGroups":                byLimit(keptLimits(), "groups", "maxGroups"),
		"maxLongPolls":             byLimit(waitingLimits(), "pulls that wait for messages", "maxLongPolls"),
		"maxSubscriptionsPerGroup": byLimit(keptLimits(), "topics that a group subscribes to", "maxSubscriptionsPerGroup"),
		"maxGroupsPerConnection":   byLimit(keptLimits(), "groups that one connection is in", "maxGroupsPerConnection"),
		"maxRequestsPerAddress":    byLimit(rateLimits(), "remoting requests of one address a second", "maxRequestsPerAddress"),
		"maxRequestsPerUser":       byLimit(userRateLimits(), "remoting requests of one user a second", "maxRequestsPerUser"),
	}
}

// TestBoundsLeaveRoomForTheBrokersOwn: at its limits a node starts, and makes what it needs for groups that are there.
func TestBoundsLeaveRoomForTheBrokersOwn(t *testing.T) {
	dir := t.TempDir()
	open := func(settings ...string) *Server {
		t.Helper()
		s, err := tryStart(t, append([]string{"memory", "false", "data", dir, "mappedFileSizeCommitLog", "16m"}, settings...)...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	p := s.dial(t)
	p.mustSend("T", "x")
	p.wantCode(p.pull("G", "T", 0, 0), protocol.ResSuccess, "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open("maxTopics", "1", "maxGroups", "1", "brokerName", "broker-new")
	p = s.dial(t)
	p.mustSend("T", "y")
	p.wantCode(p.call(protocol.ReqHeartBeat, `{"clientID":"c","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[{"topic":"T","subString":"*"}]}]}`), protocol.ResSuccess, "")
	if p.route("%RETRY%G") == nil || p.route("broker-new") == nil {
		t.Error("a topic that the broker needs is not made")
	}
	p.wantCode(p.makeTopic("T", "+send.quota.messages=5"), protocol.ResSuccess, "") // what is there may change
	p.wantCode(p.send("U", "x"), protocol.ResInvalidParameter, "the limit is 1 (maxTopics)")
	p.wantCode(p.pull("H", "T", 0, 0), protocol.ResInvalidParameter, "the limit is 1 (maxGroups)")
}
