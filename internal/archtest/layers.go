package archtest

import "strings"

// layer is one line of the table: the packages on it may import packages of lower lines only. Lines are numbered as in
// ARCHITECTURE.md; a path that ends in "/..." stands for itself and all below it.
type layer struct {
	line     int
	packages []string
}

func layers() []layer {
	return []layer{
		{9, []string{"cmd/aerobee", "examples/..."}},
		{8, []string{"cli", "aerobeetest"}},
		{7, []string{"."}},
		{6, []string{"broker", "nameserver", "proxy", "api", "bench"}},
		{5, []string{"store", "client", "admin", "broker/hold", "broker/member", "broker/property", "broker/rates", "broker/register"}},
		{4, []string{"store/inspect", "store/retention", "client/allocate", "client/avoid", "client/callback", "client/cluster", "client/gate", "client/localoffset", "client/running", "client/trace", "client/wire"}},
		{3, []string{"store/backup", "store/apache", "store/commitlog", "store/index", "store/cutdb", "store/trouble", "projection/...", "remoting", "listen", "filter", "auth", "client/namespace"}},
		{2, []string{"protocol", "route", "message/compression", "store/state", "store/directory"}},
		{1, []string{"message", "config", "metrics"}},
		{0, []string{"internal/..."}},
	}
}

// lineOf returns the line of a package, given relative to the module, and false for one that the table does not know.
func lineOf(pkg string) (int, bool) {
	for _, l := range layers() {
		for _, p := range l.packages {
			if p == pkg {
				return l.line, true
			}
			if root, ok := strings.CutSuffix(p, "/..."); ok && (pkg == root || strings.HasPrefix(pkg, root+"/")) {
				return l.line, true
			}
		}
	}
	return 0, false
}

// testOnly reports whether a package is test apparatus, which external tests alone may import and which may import all.
func testOnly(pkg string) bool {
	return pkg == "internal/testkit" || strings.HasPrefix(pkg, "interop")
}
