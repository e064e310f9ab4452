//go:build faults

package cli

// faultsHelp is what a build with the tag faults has to say.
const faultsHelp = `

THIS BUILD FAILS ON REQUEST, for tests: disk and clock follow a script. It is taken from AEROBEE_FAULTS in the environment
at start, and over HTTP from every listener while it runs:
  curl http://127.0.0.1:9876/faults                              show the rules, and how often each was hit
  curl -X PUT --data-binary 'sync commitlog/* eio' http://…/faults   put other rules in their place; an empty body ends them
A rule is OPS PATTERN EFFECT [nth=N] [times=N] [chance=P], with a line or ";" between rules.
  OPS      open,create,read,write,sync,rename,remove,mkdir,list,usage or * for all
  PATTERN  the end of a path: commitlog/*, cache/*.sst, *
  EFFECT   eio, enospc, erofs, short (half is done), flip (one bit of what is read), delay=50ms, used=95 (percent, of usage)
"clock +26h" puts the clock forward, "clock -3h" back, "seed 7" chooses among chances.`
