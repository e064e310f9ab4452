// Package leak has the tests of a package fail that leave goroutines behind. It owns the look at what still runs when all tests are through;
// a package calls Main from its TestMain, once.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// module begins the names of this module's functions.
const module = "github.com/aerobee-mq/aerobee"

// patience is how long goroutines that have been told to end may take for it.
const patience = 10 * time.Second

// Main runs a package's tests and ends the process: with failure also if a goroutine is left that runs code of this module, or was
// started by it. Those of libraries do not count by themselves: whoever of us has started them would be seen.
func Main(m *testing.M) {
	code := m.Run()
	if left := Left(patience); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the tests have left %d goroutines behind:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// Left returns the stacks of this module's goroutines, the caller's own left out, as soon as there are none, or when the time is over.
func Left(within time.Duration) []string {
	for end := time.Now().Add(within); ; {
		left := ours(stacks())
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
		runtime.Gosched()
	}
}

// stacks are those of all goroutines, the caller's first.
func stacks() []string {
	for buf := make([]byte, 1<<20); ; buf = make([]byte, 2*len(buf)) {
		if n := runtime.Stack(buf, true); n < len(buf) {
			return strings.Split(string(buf[:n]), "\n\n")
		}
	}
}

// ours picks the stacks with a function of this module in them, from those behind the first one. Main's own, under which all tests run,
// is none.
func ours(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all[1:]), func(stack string) bool {
		if strings.Contains(stack, module+"/internal/leak.Main(") {
			return true
		}
		for line := range strings.Lines(stack) {
			line = strings.TrimPrefix(line, "created by ")
			if rest, ok := strings.CutPrefix(line, module); ok && rest != "" && (rest[0] == '/' || rest[0] == '.') {
				return false
			}
		}
		return true
	})
}
