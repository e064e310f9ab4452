// Package filter decides which messages a subscription wants. It owns the compiled form of a subscription's expression: tags,
// or SQL92 over a message's properties with Apache RocketMQ's semantics. The broker compiles an expression when a
// heartbeat or a pull brings it, through a [Cache], and asks a [Filter] for every queue index entry and, with SQL92, for
// every record.
//
// SQL92 here is the language of RocketMQ 5.5.0, quirks included, see sql_eval.go. Where the two differ on purpose stands in the
// list of package internal/differences, which tests keep true.
//
// A compiled [Filter] is immutable; it and a [Cache] are safe to use at once.
package filter
