//go:build !faults

package cli

// faultsHelp is what a build with the tag faults has to say.
const faultsHelp = ""
