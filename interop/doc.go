// Package interop holds no code of the product: its tests run unmodified official RocketMQ clients (Java 5.5.0 and 4.9.8,
// Go, Python over the C++ library, Node) against a server and turn each client scenario into a subtest.
//
// Our own client does the same in TestClient, and shares groups and messages with Java's.
//
// The server is Aerobee, Apache RocketMQ 5.5.0 or, for our own client alone, 4.9.7 (AEROBEE_INTEROP_TARGET=aerobee|apache|apache49,
// both for the first two, all for three): a scenario counts only because it holds on Apache too. Clients come from their public
// registries into .cache, once. A missing tool (java, mvn, node, npm, python3) skips its suites by name; with
// AEROBEE_INTEROP_REQUIRED=1 it fails them. AEROBEE_INTEROP_ONLY is a regular expression over scenario names, AEROBEE_INTEROP_BINARY
// a server to test instead of this work tree's. Everything listens on 127.0.0.1 (4.9.7 on every address), from port
// AEROBEE_INTEROP_PORT (22000) on.
//
// TestFilterAgainstApache compares our SQL92 evaluator with the one in Apache's jar, on fresh expressions each time;
// AEROBEE_INTEROP_SEED repeats a run.
//
// Tests here run one after the other: two cores carry one JVM client at a time.
package interop
