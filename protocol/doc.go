// Package protocol is RocketMQ's remoting protocol: frames, request and response codes, request headers and bodies, one
// file per request family. It decodes and encodes; it owns no connection. Everything in it is safe to call at once, and
// decoded values alias the bytes they were decoded from.
package protocol
