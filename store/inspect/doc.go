// Package inspect looks into the directory of a store that nobody has open, and changes nothing: it checks every number in
// it, and prints what the log holds.
//
// The command line calls it, and the tests of everything that writes such a directory. Its functions are safe to call at
// once; each holds the directory's lock while it runs.
package inspect
