package aerobee

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/auth/access"
	"github.com/aerobee-mq/aerobee/auth/audit"
	"github.com/aerobee-mq/aerobee/auth/session"
	"github.com/aerobee-mq/aerobee/config"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/relay"
	"github.com/aerobee-mq/aerobee/remoting"
)

// mostCode is beyond all request codes that there are.
const mostCode = 300_000

// TestEveryRequestIsClassified: each code that is served, by whichever role, stands in the table of auth/access by its name, and the table has no others.
func TestEveryRequestIsClassified(t *testing.T) {
	table := access.Codes()
	s := start(t)
	for code := range int32(mostCode) {
		if name := s.requests.Name(code); name != table[code].Name {
			t.Errorf("code %d is served as %q, auth/access has %q: say there who may ask for it", code, name, table[code].Name)
		}
	}
	behind := remoting.NewMux()
	relay.New(nil, relay.Options{}).Mount(behind)
	for code := range int32(mostCode) {
		if behind.Name(code) != "" && table[code].Class == 0 {
			t.Errorf("the proxy serves code %d, which is not in auth/access", code)
		}
	}
}

// dialFrom connects as a load balancer on this machine does for a client elsewhere.
func (s *Server) dialFrom(t *testing.T, from string) *peer {
	t.Helper()
	return &peer{t, remoting.Client(s.connectFrom(t, from), remoting.Options{})}
}

func (s *Server) connectFrom(t *testing.T, from string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if _, err := fmt.Fprintf(nc, "PROXY TCP4 %s 127.0.0.1 5000 9876\r\n", from); err != nil {
		t.Fatal(err)
	}
	return nc
}

// TestStrangersReachNoState asks for everything that is closed from elsewhere, and for some of what is open.
func TestStrangersReachNoState(t *testing.T) {
	s := start(t, "adminFrom", "10.1.0.0/16")
	p := s.dialFrom(t, "192.0.2.7")
	closed := 0
	for _, r := range access.Requests() {
		if !r.Class.Closed() {
			continue
		}
		closed++
		p.wantCode(p.call(r.Code, ""), protocol.ResNoPermission, fmt.Sprintf("%s (%d) %s: it is accepted from this machine and from the addresses of --admin-from only, "+
			"and 192.0.2.7 (as 127.0.0.1 says) is none of them; to allow it, start the server with --admin-from 192.0.2.7/32", r.Name, r.Code, r.Class.Does()))
	}
	if closed < 30 {
		t.Errorf("%d codes are closed", closed)
	}
	p.wantCode(p.makeTopic("T", ""), protocol.ResSuccess, "")
	p.mustSend("T", "x")
	p.wantCode(p.call(protocol.ReqGetBrokerRuntimeInfo, ""), protocol.ResSuccess, "")
	p.wantCode(p.call(protocol.ReqDeleteTopicInBroker, "", "topic", "T"), protocol.ResNoPermission, "192.0.2.7")
	trusted := s.dialFrom(t, "10.1.2.3")
	trusted.wantCode(trusted.call(protocol.ReqGetBrokerConfig, ""), protocol.ResSuccess, "")
	trusted.wantCode(trusted.call(protocol.ReqDeleteTopicInBroker, "", "topic", "T"), protocol.ResSuccess, "")
}

// TestActsAreRecorded has each act asked for, and finds it in the file when it is answered.
func TestActsAreRecorded(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "memory", "false", "data", dir)
	p := s.dial(t)
	for _, r := range access.Requests() {
		if !r.Class.Act() {
			continue
		}
		answer := p.call(r.Code, "", "topic", "none-"+r.Name)
		last := s.safety.acts.Last(1)
		if len(last) != 1 || last[0].What != r.Name || last[0].Code != int(answer.Code) || last[0].About != "topic=none-"+r.Name || !strings.HasPrefix(last[0].From, "127.0.0.1:") {
			t.Errorf("%s is answered with %d %s and recorded as %+v", r.Name, answer.Code, answer.Remark, last)
		}
	}
	p.wantCode(p.call(protocol.ReqAuthCreateUser, `{"password":"hidden-word","userType":"Normal"}`, "username", "bob"), protocol.ResSuccess, "")
	path := filepath.Join(dir, audit.FileName)
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(`"what":"AUTH_CREATE_USER","about":"username=bob","outcome":"done","code":0}`)) || bytes.Contains(text, []byte("hidden-word")) {
		t.Errorf("%v\n%s", err, text)
	}
	for _, name := range []string{audit.FileName, secretsFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestNoSettingNamesAPathFromTheNetwork is CVE-2023-33246 and CVE-2023-37582: with Apache's broker and NameServer, whoever reached a port had files written and
// programs run by the values of settings.
func TestNoSettingNamesAPathFromTheNetwork(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "memory", "false", "data", filepath.Join(dir, "store"))
	p := s.dial(t)
	mark := filepath.Join(dir, "mark")
	before := s.inForce.Load().Properties()
	for _, body := range []string{
		"filterServerNums=1\nrocketmqHome=-c $@|sh . echo touch " + mark + ";\n",
		"rocketmqHome=" + mark, "filterServerNums=1", "brokerConfigPath=" + mark, "brokerconfigpath=" + mark, "storePathRootDir=" + mark, "storePathCommitLog=" + mark,
		"configBlackList=nothing", "data=" + mark, "logFile=" + mark, "tls.server.keyPath=" + mark, "listen=:1", "namesrvAddr=192.0.2.1:9876", "adminFrom=0.0.0.0/0",
		"minFreeDisk=1\nbrokerConfigPath=" + mark,
	} {
		if r := p.call(protocol.ReqUpdateBrokerConfig, body); r.Code == protocol.ResSuccess {
			t.Errorf("25 takes %q", body)
		}
	}
	for _, body := range []string{
		"configStorePath=" + mark + "\nproductEnvName=x\n", "kvConfigPath=" + mark, "rocketmqHome=" + mark, "configBlackList=nothing", "configstorepath=" + mark,
		"configStorePathName=" + mark, "orderMessageEnable=true\nkvConfigPath=" + mark,
	} {
		if r := p.call(protocol.ReqUpdateNamesrvConfig, body); r.Code == protocol.ResSuccess {
			t.Errorf("318 takes %q", body)
		}
	}
	p.wantCode(p.call(protocol.ReqPutKVConfig, "", "namespace", "../../x", "key", "k", "value", "v"), protocol.ResSuccess, "")
	if after := s.inForce.Load().Properties(); after != before {
		t.Errorf("settings have changed:\n%s\n%s", before, after)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("there are %v, %v", names, err)
	}
	for _, name := range config.Live() {
		lower := strings.ToLower(name)
		if slices.ContainsFunc([]string{"path", "dir", "file", "home", "class", "command", "addr", "listen", "key", "admin"}, func(word string) bool { return strings.Contains(lower, word) }) && lower != "minfreedisk" && lower != "filereservedtime" {
			t.Errorf("%s can be changed from the network", name)
		}
	}
}

// web asks a node over HTTP as a client that keeps what it is told to.
type web struct {
	t      *testing.T
	s      *Server
	header http.Header
}

// ask makes one request, and reads the answer's body into out.
func (w *web) ask(method, path, body string, status int, out any) http.Header {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+w.s.Addr()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if r.Header = w.header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil || answer.StatusCode != status {
		w.t.Errorf("%s %s: %d, %v: %.300s; want %d", method, path, answer.StatusCode, err, text, status)
	}
	return answer.Header
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestSignIn goes from a node without users to one where everybody has to sign in.
func TestSignIn(t *testing.T) {
	s := start(t)
	w := &web{t: t, s: s}
	var p v1.Problem
	w.ask("GET", "/settings", "", 200, nil)
	w.ask("POST", "/session", `{"user":"ann","password":"x"}`, 404, &p)
	w.ask("PUT", "/users/bob", `{"password":"builder"}`, 200, nil)
	w.ask("GET", "/topics", "", 200, nil) // nobody could let anybody in yet
	w.ask("PUT", "/users/ann", `{"password":"secret","super":true}`, 200, nil)
	w.ask("GET", "/topics", "", 401, &p)
	w.ask("GET", "/settings", "", 401, &p)
	w.ask("GET", "", "", 200, nil)
	w.ask("GET", "/openapi.json", "", 200, nil)

	w.header = http.Header{"Authorization": {basic("ann", "wrong")}}
	if w.ask("GET", "/topics", "", 401, &p); !strings.HasSuffix(p.Type, "wrong-password") {
		t.Errorf("%+v", p)
	}
	w.header = http.Header{"Authorization": {basic("bob", "builder")}}
	w.ask("GET", "/topics", "", 200, nil)
	if w.ask("GET", "/settings", "", 403, &p); !strings.HasSuffix(p.Type, "not-super") {
		t.Errorf("%+v", p)
	}
	w.header = http.Header{"Authorization": {basic("ann", "secret")}}
	w.ask("GET", "/settings", "", 200, nil)

	w.header = nil
	var in session.Session
	cookie := w.ask("POST", "/session", `{"user":"ann","password":"secret"}`, 200, &in).Get("Set-Cookie")
	if in.User != "ann" || !in.Super || in.CSRF == "" || in.Token != "" || !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Strict") || strings.Contains(cookie, "Secure") {
		t.Errorf("%+v %s", in, cookie)
	}
	text, _, _ := strings.Cut(cookie, ";")
	w.header = http.Header{"Cookie": {text}}
	w.ask("GET", "/settings", "", 200, nil)
	if w.ask("PUT", "/topics/T", `{"readQueues":1,"writeQueues":1}`, 403, &p); !strings.HasSuffix(p.Type, "csrf") {
		t.Errorf("%+v", p)
	}
	w.header.Set("X-CSRF-Token", in.CSRF)
	w.ask("PUT", "/topics/T", `{"readQueues":1,"writeQueues":1}`, 200, nil)
	w.ask("DELETE", "/session", "", 200, nil)
	w.ask("GET", "/topics", "", 401, &p)

	w.header, in = nil, session.Session{}
	w.ask("POST", "/session", `{"user":"ann","password":"secret","bearer":true}`, 200, &in)
	w.header = http.Header{"Authorization": {"Bearer " + in.Token}}
	w.ask("PUT", "/topics/T", `{"readQueues":1,"writeQueues":1}`, 200, nil)
	in = session.Session{}
	if w.ask("GET", "/session", "", 200, &in); in.User != "ann" || !in.Super || in.Token != "" {
		t.Errorf("%+v", in)
	}
	w.ask("PUT", "/users/ann", `{"password":"another"}`, 200, nil)
	w.ask("GET", "/topics", "", 401, &p) // the session began with another password

	w.header = http.Header{"Authorization": {basic("ann", "another")}}
	var page audit.Page
	w.ask("GET", "/audit?limit=1000", "", 200, &page)
	signed := 0
	for _, r := range page.Records {
		if strings.Contains(fmt.Sprint(r), "secret") || strings.Contains(fmt.Sprint(r), "another") {
			t.Errorf("%+v", r)
		}
		if r.What == "POST /api/v1/session" && r.Who == "ann" && r.Outcome == audit.Done {
			signed++
		}
	}
	if last := page.Records[len(page.Records)-1]; signed != 2 || last.What != "PUT /api/v1/users/ann" || last.Who != "ann" || last.Outcome != audit.Done || last.Code != 200 {
		t.Errorf("%d sign-ins, the last act is %+v", signed, last)
	}
}

// TestStrangersOverHTTP: a load balancer's client is who it is, whatever it says of itself.
func TestStrangersOverHTTP(t *testing.T) {
	s := start(t, "adminFrom", "10.1.0.0/16")
	f := func(from, host, path string, status int, want string, more ...string) {
		t.Helper()
		nc := s.connectFrom(t, from)
		fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", path, host, strings.Join(more, "")) // what fails is seen below
		answer, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != status || !strings.Contains(string(text), want) {
			t.Errorf("%s from %s for %s: %d, %v: %.300s; want %d and %q", path, from, host, answer.StatusCode, err, text, status, want)
		}
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, answer.Header)
		}
	}
	f("192.0.2.7", "127.0.0.1:9876", "/api/v1/settings", 403, "the request came from 192.0.2.7 (as 127.0.0.1 says); to allow it, start the node with --admin-from 192.0.2.7")
	f("192.0.2.7", "127.0.0.1:9876", "/api/v1/topics", 200, "")
	f("192.0.2.7", "127.0.0.1:9876", "/debug/pprof/", 403, "loopback")
	f("192.0.2.7", "x", "/health", 200, "")
	f("192.0.2.7", "x", "/metrics", 200, "")
	f("10.1.2.3", "10.9.9.9:9876", "/api/v1/settings", 200, "adminFrom")
	f("10.1.2.3", "evil.example:9876", "/api/v1/settings", 403, "it asked for evil.example")
	f("10.1.2.3", "10.9.9.9:9876", "/api/v1/settings", 403, "X-Forwarded-For", "X-Forwarded-For: 127.0.0.1\r\n")
	f("192.0.2.7", "10.9.9.9:9876", "/api/v1/settings", 403, "X-Forwarded-For", "X-Forwarded-For: 127.0.0.1\r\n")
}

func adminEffects() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"adminFrom": func(t *testing.T) {
			p := start(t).dialFrom(t, "10.1.2.3")
			p.wantCode(p.call(protocol.ReqGetBrokerConfig, ""), protocol.ResNoPermission, "--admin-from 10.1.2.3/32")
			p = start(t, "adminFrom", "10.1.2.3").dialFrom(t, "10.1.2.3")
			p.wantCode(p.call(protocol.ReqGetBrokerConfig, ""), protocol.ResSuccess, "")
		},
	}
}

// TestPasswordsAreNotSentToStrangers: whoever registers a broker of the cluster is not told what `PUT /users` says.
func TestPasswordsAreNotSentToStrangers(t *testing.T) {
	s := start(t)
	body := `{"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":1},"topicConfigTable":{}},"filterServerList":[]}`
	r := s.dial(t).call(protocol.ReqRegisterBroker, body, "brokerName", "stranger", "brokerAddr", "192.0.2.1:10911", "clusterName", s.cfg.ClusterName,
		"haServerAddr", "192.0.2.1:10912", "brokerId", "0", "compressed", "false", "bodyCrc32", "0")
	if r.Code != protocol.ResSuccess {
		t.Fatalf("%d %s", r.Code, r.Remark)
	}
	w := &web{t: t, s: s}
	var p v1.Problem
	w.ask("PUT", "/users/ann", `{"password":"secret","super":true}`, 409, &p)
	if !strings.Contains(p.Detail, "broker stranger at 192.0.2.1:10911") {
		t.Errorf("%+v", p)
	}
	if r := s.dial(t).call(protocol.ReqAuthGetUser, "", "username", "ann"); !strings.Contains(string(r.Body), `"Super"`) {
		t.Errorf("a stranger keeps this node's user from being made: %d %s %s", r.Code, r.Remark, r.Body)
	}
}
