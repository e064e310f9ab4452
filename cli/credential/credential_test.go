package credential_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/auth/sign"
	"github.com/aerobee-mq/aerobee/cli/credential"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(path, text string) string {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := write("one", "# who\naccessKey: alice # and not bob\nsecretKey: 'a: #b'\n")
	two := write("two", "accessKey: \"bob\"\r\nsecretKey:b\r\nsecurityToken: t\nother: x\n")
	home := filepath.Dir(filepath.Dir(write("home/conf/tools.yml", "accessKey: carol\nsecretKey: c\n")))
	f := func(want sign.Credentials, problem, file string, environ ...string) {
		t.Helper()
		got, err := (&credential.Flags{File: file}).Read(func(name string) string {
			for _, pair := range environ {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value
				}
			}
			return ""
		})
		if problem == "" && (err != nil || got != want) || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%s %v: %+v, %v", file, environ, got, err)
		}
	}
	alice, bob := sign.Credentials{User: "alice", Password: "a: #b"}, sign.Credentials{User: "bob", Password: "b", Token: "t"}
	f(sign.Credentials{}, "", "")
	f(alice, "", one, "AEROBEE_CREDENTIALS="+two)
	f(bob, "", "", "AEROBEE_CREDENTIALS="+two, "ROCKETMQ_HOME="+home)
	f(sign.Credentials{User: "carol", Password: "c"}, "", "", "ROCKETMQ_HOME="+home)
	f(sign.Credentials{}, "", "", "ROCKETMQ_HOME="+dir)
	f(sign.Credentials{}, "no such file", filepath.Join(dir, "none"))
	f(sign.Credentials{}, "there is no secretKey", write("half", "accessKey: x\nsecretKey: # later\n"))
	f(sign.Credentials{}, "there is no accessKey", write("empty", ""))
	f(sign.Credentials{}, "more than 65536 bytes", write("large", strings.Repeat("x", 65537)))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"accessKey: a\nsecretKey: b", "accessKey: 'a", "secretKey: \"", "accessKey:\nsecretKey: # x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := credential.Parse(text); err == nil && (c.User == "" || c.Password == "") {
			t.Fatalf("%q reads as %+v", text, c)
		}
	})
}
