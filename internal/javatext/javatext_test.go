package javatext

import "testing"

func TestTexts(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(Float(0), "0.0")
	f(Float(12.5), "12.5")
	f(Map(map[string]string{"b": "2", "a": "1"}), "{a=1, b=2}")
	f(Map(map[string]string{}), "{}")
	f(Bytes([]byte{0, 127, 128, 255}), "[0, 127, -128, -1]")
	f(Front("Übung", 2), "Üb")
	f(Pretty([]byte(`{"a":{0:"x{"},"b":[],"c":[1,2]}`)), "{\n\t\"a\":{\n\t\t0:\"x{\"\n\t},\n\t\"b\":[],\n\t\"c\":[\n\t\t1,\n\t\t2\n\t]\n}")
	f(Text(""), "null")
	f(Text("x"), "x")
	f(List(nil), "null")
	f(List([]string{"a", "b"}), "[a, b]")
}
