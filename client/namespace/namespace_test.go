package namespace

import "testing"

func TestNamespace(t *testing.T) {
	f := func(ns Namespace, name, wire string) {
		t.Helper()
		if got := ns.Wrap(name); got != wire {
			t.Errorf("%q wraps %q as %q, want %q", ns, name, got, wire)
		}
		if got := ns.Unwrap(wire); got != name {
			t.Errorf("%q unwraps %q as %q, want %q", ns, wire, got, name)
		}
		if got := ns.Wrap(wire); got != wire {
			t.Errorf("%q wraps %q again as %q", ns, wire, got)
		}
	}
	f("", "t", "t")
	f("ns", "t", "ns%t")
	f("ns", "%RETRY%g", "%RETRY%ns%g")
	f("ns", "%DLQ%g", "%DLQ%ns%g")
	f("ns", "RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRACE_TOPIC")
	f("ns", "rmq_sys_x", "rmq_sys_x")
	f("ns", "CID_RMQ_SYS_x", "CID_RMQ_SYS_x")
	f("ns", "TBW102", "TBW102")
}
