// Package api serves HTTP/1 on every listener: health, readiness, metrics, and /api/v1, which tells what only Aerobee has.
// What RocketMQ has too (topics, groups, messages) goes over remoting, see package admin. The handler reads the node
// through the functions in [Options], changes nothing, and is safe to call at once.
//
//	GET /health              200, or 503 with the reason when the node needs its operator
//	GET /ready               200, or 503 with the reason when the node does not serve requests
//	GET /metrics             for Prometheus
//	GET /api/v1              the list of what follows: [Index]
//	GET /api/v1/node         version, start, roles, listeners, advertised address: [Node]
//	GET /api/v1/settings     every setting with its value, default and origin, secrets masked: a list of [Setting]
//	GET /api/v1/store        bounds and size of the log, what waits in it, disk, retention: [Store]
//	GET /api/v1/connections  who is connected: [Connections]
//	GET /api/v1/backup       a copy of the running store as a tar stream, to this machine only
//
// All bodies but the copy are JSON objects. Times are RFC 3339 in UTC, sizes bytes, durations seconds; lists and strings that are empty
// are there all the same, so that a script need not ask. An error is [Failure] with the HTTP status that fits.
// /api/v1 grows by members and paths; what it has keeps its name and meaning.
package api
