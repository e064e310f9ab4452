// Package embedtest holds a program of somebody else's: the module in shop imports this one as any program does that embeds a
// broker and tests against it. The package's one test builds that module outside of this one and runs its tests. Nobody
// imports the package.
package embedtest
