package interop

import "testing"

// onEachTarget runs the program's scenarios against every chosen server, each with a fresh store.
func onEachTarget(t *testing.T, make func(*testing.T) program) {
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			p := make(t)
			runSuite(t, p, startServer(t, target))
		})
	}
}

func TestJavaNew(t *testing.T) {
	t.Parallel()
	onEachTarget(t, func(t *testing.T) program { return javaProgram(t, javaNew) })
}

func TestJavaOld(t *testing.T) {
	t.Parallel()
	onEachTarget(t, func(t *testing.T) program { return javaProgram(t, javaOld) })
}

func TestGo(t *testing.T) {
	t.Parallel()
	onEachTarget(t, goProgram)
}

func TestPython(t *testing.T) {
	t.Parallel()
	onEachTarget(t, pythonProgram)
}

func TestNode(t *testing.T) {
	t.Parallel()
	onEachTarget(t, nodeProgram)
}
