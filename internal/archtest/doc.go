// Package archtest keeps the architecture: which package may import which, how long functions, files and packages may
// grow, and that every package and exported name is documented. It has tests only; the table of layers is in
// layers.go, and testdata/ratchet.txt lists what was larger when its rule came, which may shrink but not grow.
package archtest
