package tostring

import "testing"

func TestTexts(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(Addrs(map[int64]string{1: "b:2", 0: "a:1"}), "{0=a:1, 1=b:2}")
	f(permText(6), "RW-")
	f(policy(nil), "GroupRetryPolicy{type=CUSTOMIZED, exponentialRetryPolicy=null, customizedRetryPolicy=null}")
	f(policy([]byte(`{"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2}}`)),
		"GroupRetryPolicy{type=EXPONENTIAL, exponentialRetryPolicy=ExponentialRetryPolicy{initial=5000, max=7200000, multiplier=2}, customizedRetryPolicy=null}")
	f(policy([]byte(`{"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000]}}`)),
		"GroupRetryPolicy{type=CUSTOMIZED, exponentialRetryPolicy=null, customizedRetryPolicy=CustomizedRetryPolicy{next=[1000, 5000]}}")
	f(permText(4), "R--")
	f(permText(3), "-WX")
	f(Attributes(""), "{}")
	f(Attributes("+message.type=FIFO,-x"), "{+message.type=FIFO, -x=}")
}
