// Package signin has the commands that ask a node over HTTP say who asks: AEROBEE_USER and AEROBEE_PASSWORD of the environment, where they are set. Not flags:
// other users of a machine see the command lines of its processes. They go to the one server that the command names, not to others that it tells of.
// Package cli wraps its transports in it; a [Transport] is safe to use at once.
package signin

import "net/http"

// Transport is an HTTP transport that signs requests.
type Transport struct {
	*http.Transport
	server, user, password string
}

// New wraps a transport for requests to a server, "host:port", and others. variable is the environment's, "" for what is not set.
func New(t *http.Transport, server string, variable func(name string) string) *Transport {
	return &Transport{t, server, variable("AEROBEE_USER"), variable("AEROBEE_PASSWORD")}
}

// RoundTrip makes one request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.user != "" && r.URL.Host == t.server {
		r = r.Clone(r.Context())
		r.SetBasicAuth(t.user, t.password)
	}
	return t.Transport.RoundTrip(r)
}
