package member

import (
	"fmt"
	"testing"
)

func TestRepliesGoToTheNameOfNow(t *testing.T) {
	table := New[int](120_000)
	for i := range 3 {
		table.Producer(int64(i), Client[int]{Conn: 1, ID: fmt.Sprint("client", i)}, "g")
	}
	for id, want := range map[string]bool{"client0": false, "client1": false, "client2": true} {
		if _, ok := table.ProducerConn(id); ok != want {
			t.Errorf("%s is reachable: %v, want %v", id, ok, want)
		}
	}
	table.LeaveProducer(1, "g")
	if len(table.replies) != 0 {
		t.Errorf("%v are remembered of a connection that has gone", table.replies)
	}
}
