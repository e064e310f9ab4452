// Package listen owns the listening sockets: it accepts connections, recognises by their first bytes what the client speaks,
// and hands them on. One port serves everything: RocketMQ's remoting protocol, HTTP/1, HTTP/2 (gRPC), each of them inside TLS, and all of
// that behind a PROXY header. The process's root is its only caller.
//
// A connection that does not say what it speaks within the handshake time is closed. Every method is safe to call at once.
package listen
