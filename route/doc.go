// Package route is the NameServer's state as a pure machine: which brokers live, which topics lie on them, the KV
// configuration; and the choice of the address that a client is told. The nameserver package calls it, gives it the time, and guards it with a lock:
// nothing in here is safe to call at once, nothing reads a clock, and what is returned shares no memory with the table.
package route
