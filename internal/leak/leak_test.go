package leak

import (
	"strings"
	"testing"
	"time"
)

func TestLeft(t *testing.T) {
	if left := Left(time.Second); len(left) > 0 {
		t.Fatalf("nobody has started anything: %v", left)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		<-end
	}()
	if left := Left(0); len(left) != 1 || !strings.Contains(left[0], "TestLeft") {
		t.Errorf("one goroutine waits: %v", left)
	}
	close(end)
	<-ended
	if left := Left(time.Second); len(left) > 0 {
		t.Errorf("it has ended: %v", left)
	}
}

func TestOurs(t *testing.T) {
	own := "goroutine 1 [running]:\n" + module + "/internal/leak.stacks()\n\t/x/leak.go:1"
	for stack, want := range map[string]int{
		"goroutine 2 [select]:\nmain.f()\n\t/x/" + module + "/x.go:1\ncreated by net/http.(*Server).Serve in goroutine 7\n\t/y.go:2": 0,
		"goroutine 3 [select]:\nnet.f()\n\t/x.go:1\ncreated by " + module + "/listen.New in goroutine 7\n\t/y.go:2":                  1,
		"goroutine 4 [select]:\n" + module + ".(*Server).wait(0x1)\n\t/x.go:1\ncreated by sync.(*WaitGroup).Go in goroutine 1":       1,
		"goroutine 5 [select]:\n" + module + "-tools/x.f()\n\t/x.go:1":                                                               0,
	} {
		if got := len(ours([]string{own, stack})); got != want {
			t.Errorf("%d of ours in %s, want %d", got, stack, want)
		}
	}
}
