// Package filter decides which messages a subscription wants. It owns the compiled form of a subscription's expression;
// the broker compiles one per pull (or keeps one per heartbeat) and asks it for every queue index entry.
//
// Tag expressions are complete. SQL92 is refused by name, see [ErrUnsupported]. A compiled [Filter] is immutable and safe
// to use at once.
package filter
