// Package remoting carries protocol frames over connections: it owns the sockets, their buffers and goroutines, from the
// first byte of a connection to its close. The broker, the NameServer and the client give it handlers and send frames.
//
// A connection has one goroutine, its reader, which decodes every frame in its buffer and calls the handler of the frame's
// code. Handlers must not block. Answers are appended to the connection's out buffer, by any goroutine and in any order, and
// written by whoever flushes, with one write that never waits; what the socket does not take is left to a writer goroutine
// that lives until the backlog is gone. A connection at rest holds neither a buffer nor a second goroutine.
//
// A side that asks uses [Conn.Invoke], or [Conn.Begin], which waits for nothing and allocates nothing: the answer is told on the
// reader goroutine. Requests that several goroutines begin at once are written together, and so are those that one goroutine begins
// one after the other with [Conn.BeginSoon] or [Conn.BeginLater].
//
// Everything that a peer can make grow has a limit in [Options]; beyond it the connection is closed and one log line names
// the rule, the number and the peer.
//
// [Mux.Handle] must not be called any more once the Mux serves. All other methods are safe to call at once.
package remoting
