package interop

import "testing"

// mixedScenarios is what a client does with routes: it finds the broker, follows new topics, shares queues, and hears
// about members; what the broker does with messages is not the question here.
const mixedScenarios = "^(sync|batch|tag-filter|clustering|ordered-per-key|retry-chosen-level|topic-auto-creation|view-by-id|kill-and-resume)$"

// mixedSuite runs part of the Java scenarios over a NameServer of one kind and a broker of the other.
func mixedSuite(t *testing.T, s *server) {
	t.Helper()
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	runSuite(t, javaProgram(t, javaNew), s, "INTEROP_ONLY="+mixedScenarios)
}

// TestApacheBrokerAtAerobee registers Apache's broker at Aerobee's NameServer.
func TestApacheBrokerAtAerobee(t *testing.T) {
	t.Parallel()
	skipUnlessAerobee(t)
	ports := freePorts(t, 2)
	names := aerobee(t, ports[0], "")
	eventuallyOK(t, names)
	broker := apacheBroker(t, javaNew, names.broker, ports[1])
	mixedSuite(t, broker)
}

// TestAerobeeBrokerAtApache registers Aerobee's broker at Apache's NameServer.
func TestAerobeeBrokerAtApache(t *testing.T) {
	t.Parallel()
	skipUnlessAerobee(t)
	ports := freePorts(t, 2)
	apacheNamesrv(t, javaNew, ports[0])
	mixedSuite(t, aerobee(t, ports[1], local(ports[0])))
}

func skipUnlessAerobee(t *testing.T) {
	t.Helper()
	for _, target := range targets(t) {
		if target == "aerobee" {
			return
		}
	}
	t.Skip("AEROBEE_INTEROP_TARGET=apache, and a mixed cluster has an Aerobee in it")
}

// eventuallyOK waits until the server itself is ready, whoever registers there later.
func eventuallyOK(t *testing.T, s *server) {
	t.Helper()
	if err := eventually(readyLimit, s.name+" ready", s.ready); err != nil {
		t.Fatal(err)
	}
}
