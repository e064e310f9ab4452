// Package faultfs makes a disk and a clock that fail on request: a file system around another one, and a clock, which
// follow a script of rules. Tests put it under a store or a node; a binary built with the tag faults puts it under the real
// disk, and takes its script from outside. Normal builds do not contain it.
//
// A script is lines, or parts of a line with ";" between them. "#" begins a comment.
//
//	OPS PATTERN EFFECT [nth=N] [times=N] [chance=P]
//	clock OFFSET
//	seed N
//
// OPS are open, create, read, write, sync, rename, remove, mkdir, list and usage, with commas between them, or * for all. A
// PATTERN of so many elements, as [path.Match] knows them, is compared with the last elements of a path: "commitlog/*" names
// the segments, "*" every file. The effects:
//
//	eio, enospc, erofs   the operation fails with this error; for usage, enospc says that nothing is free
//	short                half of the bytes are written, or read, and then the operation fails
//	flip                 the operation succeeds, with one bit of what was read turned
//	delay=DURATION       the operation waits first
//	used=PERCENT         for usage alone: so much of a disk of 100 GiB is used
//
// A rule counts the operations that it names from the moment at which it is set. From the nth on (1) it applies, so many
// times (0: always), each time with the chance P (1) that the seed decides. The first rule that makes an operation fail
// counts; delays add up. "clock +26h" puts the clock forward, "clock -3h" back, both against the real one.
//
// All methods are safe to call at once.
package faultfs
