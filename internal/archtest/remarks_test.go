package archtest

import (
	"bufio"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// refusers are the functions that make a refusal of a text, and which argument that is. The text is one for fmt in those that take more arguments.
var refusers = map[string]int{ // read only
	"refuse": 1, "Refuse": 1, "forbid": 1, "denied": 0, "New": 1, "answer": 3, "Answer": 3, "Reply": 1, "Error": 1,
}

// TestRemarksNameNumbers: each refusal names its cause and the number, so its text has a place for them. One that has none stands in testdata/remarks.txt, with
// the reason.
func TestRemarksNameNumbers(t *testing.T) {
	listed := readRemarks(t)
	consts := map[string]map[string]string{}
	var all []source
	for _, s := range load(t) {
		if s.test || !refuses(s.pkg) {
			continue
		}
		all = append(all, s)
		if consts[s.pkg] == nil {
			consts[s.pkg] = map[string]string{}
		}
	}
	for range 2 { // the second time for those that are made of others
		for _, s := range all {
			noteConsts(s.file, consts[s.pkg])
		}
	}
	checked, seen := 0, map[string]bool{}
	for _, s := range all {
		ast.Inspect(s.file, func(n ast.Node) bool {
			text, ok := remarkOf(n, consts[s.pkg])
			if !ok {
				return true
			}
			if checked++; strings.Contains(text, "%") {
				return true
			}
			key := s.pkg + ": " + text
			if seen[key] = true; listed[key] == "" {
				t.Errorf("%s:%d: %q names no number: name the limit, the value or what it is about, or list it in testdata/remarks.txt",
					s.path, s.fset.Position(n.Pos()).Line, text)
			}
			return true
		})
	}
	if checked < 150 {
		t.Errorf("%d refusals were found only: the search is broken", checked)
	}
	for key := range listed {
		if !seen[key] {
			t.Errorf("testdata/remarks.txt lists %q, which nobody says: remove the line", key)
		}
	}
}

// refuses reports whether a package answers clients.
func refuses(pkg string) bool {
	root, _, _ := strings.Cut(pkg, "/")
	return slices.Contains([]string{"broker", "nameserver", "proxy"}, root) && pkg != "proxy/pb" && pkg != "proxy/status"
}

// remarkOf is the constant text of a refusal: of a call that makes one, or of a Refusal that is written down.
func remarkOf(n ast.Node, consts map[string]string) (string, bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
			if x, ok := f.X.(*ast.Ident); (name == "New" || name == "Error") && (!ok || x.Name != "status" && x.Name != "grpcstatus") {
				return "", false
			}
		}
		at, ok := refusers[name]
		if name == "refuse" && len(n.Args) == 1 { // of who has one code alone
			at = 0
		}
		if !ok || len(n.Args) <= at || at > 0 && ordinary(n.Args[at-1]) {
			return "", false
		}
		text, ok := constText(n.Args[at], consts)
		return text, ok && text != ""
	case *ast.CompositeLit:
		if id, ok := n.Type.(*ast.Ident); !ok || id.Name != "Refusal" && id.Name != "refusal" || len(n.Elts) != 2 {
			return "", false
		}
		last := n.Elts[1]
		if kv, ok := last.(*ast.KeyValueExpr); ok {
			last = kv.Value
		}
		text, ok := constText(last, consts)
		return text, ok && text != ""
	}
	return "", false
}

// ordinary reports whether a code says that nothing was refused.
func ordinary(code ast.Expr) bool {
	name := ""
	switch c := code.(type) {
	case *ast.SelectorExpr:
		name = c.Sel.Name
	case *ast.Ident:
		name = c.Name
	}
	return slices.Contains([]string{"ResSuccess", "ResPullNotFound", "ResPullRetryImmediately", "ResPullOffsetMoved", "ResQueryNotFound", "ResPollingTimeout",
		"ResNoMessage", "Code_MESSAGE_NOT_FOUND", "Code_OK"}, name)
}

// constText is the value of a text that is written down in the package.
func constText(e ast.Expr, consts map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.Ident:
		text, ok := consts[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		left, ok := constText(e.X, consts)
		right, also := constText(e.Y, consts)
		return left + right, ok && also && e.Op == token.ADD
	case *ast.ParenExpr:
		return constText(e.X, consts)
	}
	return "", false
}

func noteConsts(f *ast.File, dst map[string]string) {
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			s, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range s.Names {
				if i < len(s.Values) {
					if text, ok := constText(s.Values[i], dst); ok {
						dst[name.Name] = text
					}
				}
			}
		}
	}
}

// readRemarks reads testdata/remarks.txt: "package: text" on a line of its own, and the reason on the next one, behind "  ".
func readRemarks(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "remarks.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	listed, last := map[string]string{}, ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		reason, indented := strings.CutPrefix(line, "  ")
		switch {
		case line == "" || line[0] == '#':
		case indented && last != "":
			listed[last] = reason
		default:
			last = line
			listed[last] = ""
		}
	}
	for key, reason := range listed {
		if reason == "" {
			t.Errorf("testdata/remarks.txt: %q has no reason", key)
		}
	}
	return listed
}
