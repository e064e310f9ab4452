// Package message is the vocabulary of the whole broker: the commit log record, its properties, its identifiers and
// the names of topics. Every other package speaks in its types.
//
// A record is one message as it lies in the commit log, as a pull answer carries it and as clients decode it: the same
// bytes in all three places. The package encodes, decodes and checks those bytes; it owns no file, socket or clock.
// All functions are safe to call at once; a [Record] aliases the bytes that it was decoded from and lives as long.
package message
