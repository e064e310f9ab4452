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
		{7, []string{".", "cli/credential", "cli/mqadmin", "cli/noun", "bench"}},
		{3, []string{"cli/member"}},
		{6, []string{"broker", "nameserver", "proxy", "api", "client", "proxy/relay", "cli/doctor", "cli/journey", "cli/mqadmin/tostring"}},
		{5, []string{"store", "admin", "broker/ask", "broker/checkback", "broker/dead", "broker/find", "broker/hold", "broker/lag", "broker/lite", "broker/member", "broker/meter", "broker/place", "broker/popping", "broker/operate", "broker/property", "broker/quota", "broker/reach", "broker/recall", "broker/register", "client/intercept", "client/pop", "client/request", "client/transaction", "proxy/convert", "proxy/local", "proxy/remote", "proxy/settings"}},
		{4, []string{"broker/rates", "broker/statistics", "store/inspect", "store/popped", "store/redelivery", "store/reserve", "store/retention", "store/standing", "client/allocate", "client/avoid", "client/callback", "client/cluster", "client/gate", "client/identity", "client/localoffset", "client/retry", "client/running", "client/subscription", "client/trace", "client/wire", "proxy/backend", "proxy/check", "proxy/partial", "proxy/receipt"}},
		{3, []string{"store/backup", "store/apache", "store/commitlog", "store/index", "store/cutdb", "store/trouble", "store/traffic", "projection/...", "remoting", "listen", "filter", "client/namespace", "proxy/status"}},
		{5, []string{"broker/account", "broker/making", "broker/manage", "cli/mqadmin/static"}},
		{4, []string{"protocol/account", "protocol/lites", "protocol/manage"}},
		{4, []string{"broker/trace"}},
		{3, []string{"tracing"}},
		{3, []string{"protocol/apart"}},
		{2, []string{"auth/acl"}},
		{4, []string{"auth/admission"}},
		{1, []string{"auth/access", "auth/audit", "auth/certified", "auth/session", "cli/signin"}},
		{3, []string{"auth/decide", "auth/sign"}},
		{5, []string{"auth/need", "proxy/permit"}},
		{4, []string{"auth/plain"}},
		{1, []string{"api/v1/operate", "api/v1/rights"}},
		{6, []string{"auth/guard"}},
		{2, []string{"protocol", "route", "api/v1", "message/compression", "store/state", "store/order", "store/directory", "message/kind", "message/light", "message/tracecontext", "metrics/latency", "metrics/otlp"}},
		{1, []string{"message", "config", "metrics", "proxy/pb", "cli/mqadmin/command"}},
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
