package aerobee

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/api/v1"
)

// get asks for a path of the HTTP interface and returns the status.
func (s *Server) get(t *testing.T, path string, body any) int {
	t.Helper()
	resp, err := http.Get("http://" + s.Addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestReports asks a node that has something to tell for all that /api/v1 tells.
func TestReports(t *testing.T) {
	s := start(t, "namesrvAddr", start(t, "roles", "namesrv").Addr(), "brokerIP1", "192.0.2.8", "maxConnections", "77", "fileReservedTime", "48")
	s.dial(t).mustSend("T", "x")

	var n v1.Node
	if code := s.get(t, "/api/v1/node", &n); code != http.StatusOK || !n.Ready || n.Reason != "" || n.Name != "broker-t" ||
		!slices.Equal(n.Listeners, s.Addrs()) || !slices.Equal(n.NameServers, s.cfg.Namesrv) || !slices.Equal(n.Advertised.Rules, []string{"192.0.2.8"}) ||
		!strings.HasPrefix(n.Advertised.Address, "192.0.2.8:") || n.Advertised.Guessed || n.StartedAt.IsZero() {
		t.Errorf("node: %d %+v", code, n)
	}
	var settings struct{ Settings []v1.Setting }
	code := s.get(t, "/api/v1/settings", &settings)
	i := slices.IndexFunc(settings.Settings, func(x v1.Setting) bool { return x.Key == "fileReservedTime" })
	if code != http.StatusOK || i < 0 || settings.Settings[i].Origin != "set" || settings.Settings[i].Value == settings.Settings[i].Default {
		t.Errorf("settings: %d %+v", code, settings)
	}
	var st v1.Store
	if code := s.get(t, "/api/v1/store", &st); code != http.StatusOK || !st.Memory || st.LogEnd == 0 || st.Topics == 0 || st.SegmentBytes != 16<<20 ||
		st.Retention.AgeSeconds != 48*3600 {
		t.Errorf("store: %d %+v", code, st)
	}
	var c v1.Connections
	if code := s.get(t, "/api/v1/connections", &c); code != http.StatusOK || c.Open < 2 || c.Limit != 77 {
		t.Errorf("connections: %d %+v", code, c)
	}
}

// TestReportsWithoutABroker asks a NameServer for what only a broker has.
func TestReportsWithoutABroker(t *testing.T) {
	s := start(t, "roles", "namesrv")
	var f v1.Failure
	if code := s.get(t, "/api/v1/store", &f); code != http.StatusServiceUnavailable || f.Error != errNoBroker.Error() {
		t.Errorf("store: %d %+v", code, f)
	}
	var c v1.Connections
	if code := s.get(t, "/api/v1/connections", &c); code != http.StatusOK || c.Open == 0 {
		t.Errorf("connections: %d %+v", code, c)
	}
}
