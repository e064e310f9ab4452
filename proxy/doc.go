// Package proxy serves RocketMQ's gRPC protocol, apache.rocketmq.v2, to the clients of RocketMQ 5. It owns the gRPC server, what is known of
// each client between its requests, and the receipts that it renews for consumers. What a request means to a broker is asked of a
// [backend.Backend]: the broker of this process, or those of a cluster.
//
// The process's root makes a [Server], hands it connections that speak HTTP/2 ([Server.Serve]) and stops it ([Server.Stop]) before the broker.
// All methods are safe to call at once. Each request is one file, named after it.
//
// What differs from RocketMQ's proxy on purpose:
//
//   - A transaction id says where the half message lies, so any proxy can end a transaction, at any time; RocketMQ's must be the one that sent it,
//     within 30 s.
//   - Compressed bodies reach gRPC clients uncompressed, and are stored as zlib when gRPC clients have compressed them with gzip: consumers of both
//     protocols can read what producers of both have sent.
//   - Messages that were delivered too often become dead letters in the broker, not in the proxy.
//   - PullMessage, UpdateOffset, GetOffset and QueryOffset are served.
//   - A receive without settings is refused with 40015, as a heartbeat is, not with an internal error.
package proxy
