package interop

import (
	"fmt"
	"testing"
)

// TestNamesInRoutes has the official clients dial a broker whose routes have a host name in them, as a pod's have.
func TestNamesInRoutes(t *testing.T) {
	t.Parallel()
	skipUnlessAerobee(t)
	port := freePorts(t, 1)[0]
	name := fmt.Sprintf("localhost:%d", port)
	s := aerobee(t, port, "", "advertise="+name)
	s.namesrv, s.broker, s.grpc = local(port), name, local(port)
	if err := s.awaitReady(); err != nil { // the NameServer sends clients to the name
		t.Fatal(err)
	}
	for client, program := range map[string]func(*testing.T) program{
		"java": func(t *testing.T) program { return javaProgram(t, javaNew) }, "go": goProgram, "python": pythonProgram, "node": nodeProgram, "java over gRPC": javaGrpcProgram,
	} {
		t.Run(client, func(t *testing.T) {
			runSuite(t, program(t), s, "INTEROP_ONLY="+namedScenarios)
		})
	}
}

// namedScenarios is what takes a route and a connection: the rest is as with addresses.
const namedScenarios = "^(sync|normal|clustering)$"
