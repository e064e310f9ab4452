package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// changesOf finds the places in the code that change the disk: calls of the methods of vfs.FS and vfs.File, told by
// name, arguments and receiver. They come as "op in package.(*Type).Func".
func changesOf(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", dir, files, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil || strings.HasPrefix(f.Name.Name+"."+funcName(fn), blockWriter) {
					continue
				}
				ast.Inspect(fn.Body, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						if op := changeOf(call); op != "" {
							found[op+" in "+f.Name.Name+"."+funcName(fn)] = true
						}
					}
					return true
				})
			}
		}
	}
	return found
}

func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	recv := types.ExprString(fn.Recv.List[0].Type)
	if strings.HasPrefix(recv, "*") {
		recv = "(" + recv + ")"
	}
	return recv + "." + fn.Name.Name
}

func changeOf(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	on, n := types.ExprString(sel.X), len(call.Args)
	onFS := strings.HasSuffix(strings.ToLower(on), "fs")
	file := on == "f" || strings.HasSuffix(on, "file") || strings.HasSuffix(on, "out")
	switch sel.Sel.Name {
	case "write", "put":
		if strings.HasSuffix(on, ".blocks") {
			return "write"
		}
	case "Create":
		if n == 2 && onFS {
			return "create"
		}
	case "WriteAt":
		return "write"
	case "Write":
		if n == 1 && file {
			return "write"
		}
	case "WriteString":
		if on == "io" && types.ExprString(call.Args[0]) == "f" {
			return "write"
		}
	case "Sync", "SyncData", "SyncTo":
		if n == 0 {
			return "sync"
		}
	case "Rename", "Remove", "RemoveAll", "MkdirAll", "Link", "ReuseForWrite":
		if onFS {
			return map[string]string{
				"Rename": "rename", "Remove": "remove", "RemoveAll": "removeall", "MkdirAll": "mkdir", "Link": "link", "ReuseForWrite": "reuse",
			}[sel.Sel.Name]
		}
	}
	return ""
}

// gate compares three lists: what the code can do to the disk, what the stories have done, and testdata/crashpoints.txt.
func gate(t *testing.T, hits *crashHits) {
	t.Helper()
	b, err := os.ReadFile("testdata/crashpoints.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			listed[line] = true
		}
	}
	did, hit := make(map[string]bool), make(map[string]int)
	for p := range hits.seen {
		did[p.String()] = true
	}
	for p, n := range hits.hit {
		hit[p.String()] += n
	}
	for _, p := range slices.Sorted(maps.Keys(did)) {
		if !listed[p] {
			t.Errorf("a new kind of change: add to testdata/crashpoints.txt: %s", p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(listed)) {
		if hit[p] == 0 {
			t.Errorf("no crash test hits %s", p)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(changesOf(t, ".", "commitlog", "index", "directory", "apache"))) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(hit)), func(p string) bool { return strings.HasSuffix(p, "."+c) }) {
			t.Errorf("no crash test hits the code's %s", c)
		}
	}
}
