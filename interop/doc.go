// Package interop holds no code of the product: its tests run unmodified official RocketMQ clients (Java 5.5.0 and 4.9.8,
// Go, Python over the C++ library, Node) against a server and turn each client scenario into a subtest. TestGrpcJava, TestGrpcGo, TestGrpcPython and
// TestGrpcNode, and with the build tag rust TestGrpcRust, do so with clients that speak gRPC, and crosswise with those that speak remoting; Apache serves them by a proxy in cluster mode, or with
// AEROBEE_INTEROP_PROXY=local by one that has the broker inside.
//
// The RocketMQ 5 clients for C++, C# and PHP have no suite. Looked up were PyPI (its "rocketmq" and "rocketmq-client-python" wrap the older C++ library,
// which speaks remoting) and Debian (no package whose name or description has RocketMQ in it); NuGet and Packagist could not be reached, so a package
// may be there. They need .NET, PHP or a build of gRPC for C++ besides, which the suites do not bring along.
//
// What scenarios see RocketMQ do otherwise on purpose is recorded in testdata/clients_apache.txt, which AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_CLIENTS_RECORD=1
// brings up to date; what they see of Aerobee must differ from it. TestGoAsked does so with what administrators get of a consumer of rocketmq-client-go.
//
// Our own client does the same in TestClient, TestClientTransactions, TestClientSimple (pop) and TestClientReset, and shares groups and
// messages with Java's.
//
// The server is Aerobee, Apache RocketMQ 5.5.0 or, for our own client alone, 4.9.7 (AEROBEE_INTEROP_TARGET=aerobee|apache|apache49,
// both for the first two, all for three): a scenario counts only because it holds on Apache too. Clients come from their public
// registries into .cache, once. A missing tool (java, mvn, node, npm, python3, cargo, prometheus) skips its suites by name; with
// AEROBEE_INTEROP_REQUIRED=1 it fails them. AEROBEE_INTEROP_ONLY is a regular expression over scenario names, AEROBEE_INTEROP_BINARY
// a server to test instead of this work tree's. Everything listens on 127.0.0.1 (4.9.7 on every address), from port
// AEROBEE_INTEROP_PORT (22000) on.
//
// Suites that mostly wait run side by side, as many as there are processors; those that measure time or memory, or kill their server under
// load, run alone before them.
//
// TestHostile sends an Aerobee what no client would send, to each of its protocols, and has a well-behaved client, memory, goroutines and the log
// looked at after each attack.
//
// TestFilterAgainstApache compares our SQL92 evaluator with the one in Apache's jar, on fresh expressions each time;
// AEROBEE_INTEROP_SEED repeats a run.
//
// TestMetrics compares the metrics of a server under the Java suite's load with what Apache's broker exports: testdata/metrics_apache.txt, which
// AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_REWRITE=1 writes anew. TestGrafanaBoard has a real Prometheus scrape a node and
// asks it every query of the board in deploy/grafana.
// TestOpenAPI has schemathesis (PyPI) ask a node for everything that /api/v1/openapi.json describes, rightly and wrongly. TestWhy has `aerobee
// doctor` and `aerobee message trace` look at Aerobee and Apache.
// TestMqadmin runs every command of RocketMQ's own mqadmin and compares what it prints with testdata/mqadmin, recorded with a RocketMQ 5.5.0;
// the list of package differences has what differs on purpose, in each suite that compares with Apache. TestAdminPrintsWhatMqadminPrints holds `aerobee admin` against mqadmin on each target.
// TestStrangers has mqadmin come from another machine's address, as a load balancer tells it, and wants it refused what is for administrators.
// TestNamesInRoutes has clients dial host names. TestMigrate runs every command of docs/migrate.md with Apache's servers and ours; AEROBEE_INTEROP_REWRITE=1 writes what they print into it.
// TestOperating lets RocketMQ's administrative client for Java ask a broker about itself and change it.
// TestPanels makes every call of RocketMQ's dashboard and of its exporter with the tools of 5.5.0 and of 4.9.8 and compares the answers field by field with
// testdata/panels, which AEROBEE_INTEROP_TARGET=apache AEROBEE_INTEROP_REWRITE=1 records anew.
package interop
