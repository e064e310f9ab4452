// Package aerobee is one node: NameServer and broker over one store, behind listeners that are all equal. [Start] wires
// the parts, here and nowhere else, and [Server.Stop] takes them down in the mirrored order. The command line calls it,
// and so may any Go program: several nodes live in one process beside each other, and all methods of a [Server] are safe
// to call at once.
package aerobee
