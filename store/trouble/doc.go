// Package trouble counts what disk and clock do to a store, and judges whether its clock can be believed. The store counts
// with one [Counts] and looks at its clock with one [Clock]; metrics and status tell the [Report].
//
// Counts is safe to use at once. Clock is a pure machine that one goroutine uses.
package trouble
