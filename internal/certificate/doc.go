// Package certificate owns the certificate by which this process is known over TLS: files that their owner may replace at any time, or
// one that it makes itself for development. The process's root opens one [Source] and hands its Config to the listeners, which
// ask for it at each connection. Every method is safe to call at once.
package certificate
