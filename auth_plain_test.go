package aerobee

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const daveMayPublish = "accounts:\n- accessKey: dave\n  secretKey: d\n  topicPerms:\n  - Orders=PUB\n"

// TestPlainFile: aclEnable alone has users and rights asked for, and those of the file count.
func TestPlainFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plain_acl.yml")
	writeText(t, path, daveMayPublish)
	s := start(t, "aclEnable", "true", "plainAclFile", path)
	p := s.dial(t)
	p.wantCode(p.sendAs("dave", "d", "Orders"), protocol.ResSuccess, "")
	p.wantCode(p.sendAs("dave", "x", "Orders"), protocol.ResNoPermission, "check signature failed.")
	p.wantCode(p.sendAs("dave", "d", "Other"), protocol.ResNoPermission, "no matched policies.")
	p.wantCode(p.sendAs("", "", "Orders"), protocol.ResNoPermission, "username cannot be null.")

	if _, err := tryStart(t, "aclEnable", "true", "plainAclFile", path+".none"); err == nil || !strings.Contains(err.Error(), "plain_acl.yml.none") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestPlainFilesAgain: what changes is taken over, what is wrong is said once and changes nothing.
func TestPlainFilesAgain(t *testing.T) {
	dir := t.TempDir()
	path, more := filepath.Join(dir, "plain_acl.yml"), filepath.Join(dir, "acl", "more.yml")
	writeText(t, path, daveMayPublish)
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	s.cfg.Auth.PlainFile = path
	s.lookPlain()
	first := s.plain.set.Load()
	if first.Find("dave") == nil || first.Find("erin") != nil {
		t.Fatalf("%+v: %s", first, log.String())
	}
	s.lookPlain()
	if s.plain.set.Load() != first {
		t.Error("files that are as before are taken over again")
	}
	writeText(t, more, "accounts:\n- accessKey: erin\n  secretKey: e\n- accessKey: dave\n  secretKey: other\n")
	s.lookPlain()
	second := s.plain.set.Load()
	if second.Find("erin") == nil || second.Find("dave").Password != "d" {
		t.Errorf("%+v", second)
	}
	writeText(t, more, "accounts:\n- secretKey: geheim\n")
	s.lookPlain()
	s.lookPlain()
	if s.plain.set.Load() != second {
		t.Error("a file that is wrong is taken over")
	}
	if text := log.String(); strings.Count(text, "the account in line 2 has no accessKey") != 1 || strings.Contains(text, "geheim") {
		t.Errorf("logged: %s", text)
	}
	if err := os.RemoveAll(filepath.Dir(more)); err != nil {
		t.Fatal(err)
	}
	s.lookPlain()
	if now := s.plain.set.Load(); now == second || now.Find("erin") != nil {
		t.Error("a file that is gone still counts")
	}
}
