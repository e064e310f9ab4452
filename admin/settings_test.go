package admin

import (
	"testing"

	"github.com/aerobee-mq/aerobee/config"
)

func TestPropertiesText(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		text := propertiesText([]config.Property{{Key: key, Value: value}})
		if string(text) != want {
			t.Errorf("%q=%q is %q, want %q", key, value, text, want)
		}
		pairs, err := config.ParseProperties(string(text))
		if err != nil || len(pairs) != 1 || pairs[0].Key != key || pairs[0].Value != value {
			t.Errorf("%q is read as %v, %v", text, pairs, err)
		}
	}
	f("fileReservedTime", "48", "fileReservedTime=48\n")
	f("a b", "c d", `a\ b=c d`+"\n")
	f("a=b:c", "d=e", `a\=b\:c=d=e`+"\n")
	f("path", `C:\data`, `path=C:\\data`+"\n")
	f("text", "one\ntwo\tthree", `text=one\ntwo\tthree`+"\n")
	f("wide", "ü火", `wide=\u00FC\u706B`+"\n")
	f("#x", "!y", `\#x=!y`+"\n")
}
