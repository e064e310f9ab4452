// Package api serves HTTP/1 on every listener: health, readiness, metrics, and the management API, /api/v1.
//
//	GET /health   200, or 503 with the reason when the node needs its operator
//	GET /ready    200, or 503 with the reason when the node does not serve requests
//	GET /metrics  for Prometheus
//	GET /debug/pprof/NAME  a profile for `go tool pprof`, to administrators on this machine only; without NAME a list of them
//	/api/v1/…     what the table in package api/v1 lists; GET /api/v1/openapi.json describes it
//
// Each operation of that table is one function here; a test holds the two together. Parameters and bodies are checked against the table
// before the function is called. What is the node's own is read through the functions in [Options]; topics, groups and messages are asked
// of the brokers as any administrator asks them, see package admin, so that a node tells of its whole cluster.
//
// # Who may do what
//
// Package auth/access lists what is for administrators: all that changes something, what shows the bodies of messages, and what shows the
// node's own state. Until there is a super user who may sign in, administrators are whoever asks from a loopback address, or from one that the node's settings name
// (adminFrom), and the request must be for localhost, an address or a name of the node's, so that no name of somebody else's that leads here
// can be used. A proxy at such an address makes everybody an administrator: requests that say that one has passed them on (Forwarded, X-Forwarded-For, Via
// and the like) are refused, but one that says nothing is not noticed, so do not put one before a node without users. What a header says of an
// address is never believed; what a PROXY header says counts if whoever sent it is at an administrator's address too.
//
// Once there is a super user, everybody has to sign in, and administrators are the super users: with a session (POST /api/v1/session, a cookie that no script
// can read and no other site's page has sent, and a token that changes must repeat in X-CSRF-Token), with a bearer's token of the same, or with name
// and password in each request (Basic). /health, /ready and /metrics stay open.
//
// A browser is a stranger's too: a request that changes something is refused when it says that a page of another origin has made it
// (Sec-Fetch-Site, Origin), and a body must be application/json, which such a page cannot send by itself; nor may such a page read what
// is for administrators. Bodies are bounded (v1.MaxBody), live streams are counted, passwords can be tried 10 times and then ever more slowly.
// Administrative acts stand in the audit log before they are answered.
//
// The handler is safe to call at once.
package api
