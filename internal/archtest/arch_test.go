package archtest

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const (
	module          = "github.com/aerobee-mq/aerobee"
	maxFuncLines    = 100
	maxFileLines    = 800
	maxPackageLines = 4000
	maxExported     = 25
)

// source is one parsed file of the module.
type source struct {
	path  string // relative to the module
	pkg   string // directory, "." for the root
	test  bool
	lines int
	file  *ast.File
	fset  *token.FileSet
}

func load(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(p, root), string(filepath.Separator)))
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && rel != "" {
				return filepath.SkipDir
			}
			if name := d.Name(); rel != "" && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		if ast.IsGenerated(file) { // nobody reads it, and nobody wrote it
			return nil
		}
		out = append(out, source{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
			lines: strings.Count(string(text), "\n"), file: file, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("found %d files only: the walk is broken", len(out))
	}
	return out
}

// TestImportsGoDown holds the table of layers: a package imports only from lower lines.
func TestImportsGoDown(t *testing.T) {
	for _, s := range load(t) {
		if testOnly(s.pkg) || (s.test && strings.HasSuffix(s.file.Name.Name, "_test")) {
			continue
		}
		from, known := lineOf(s.pkg)
		if !known {
			t.Errorf("%s: package %s stands on no line of the table in layers.go", s.path, s.pkg)
			continue
		}
		for _, imp := range s.file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			rel, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			rel = strings.TrimPrefix(rel, "/")
			if rel == "" {
				rel = "."
			}
			if testOnly(rel) {
				t.Errorf("%s imports %s: only external tests may", s.path, rel)
				continue
			}
			to, known := lineOf(rel)
			below := to < from || (to == 0 && from == 0)
			if !known || !below {
				t.Errorf("%s (line %d) imports %s (line %d): imports go down", s.path, from, rel, to)
			}
		}
	}
}

// TestSizes holds functions, files and packages to their sizes, with testdata/ratchet.txt for what is over.
func TestSizes(t *testing.T) {
	found := map[string]int{}
	pkgLines, exported := map[string]int{}, map[string]int{}
	for _, s := range load(t) {
		if s.lines > maxFileLines {
			found["file "+s.path] = s.lines
		}
		if s.test || testOnly(s.pkg) {
			continue
		}
		pkgLines[s.pkg] += s.lines
		exported[s.pkg] += len(exportedNames(s.file))
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				found[fmt.Sprintf("func %s %s", s.path, fn.Name.Name)] = n
			}
		}
	}
	for pkg, n := range pkgLines {
		if n > maxPackageLines {
			found["package "+pkg] = n
		}
	}
	for pkg, n := range exported {
		if n > maxExported && pkg != "protocol" && pkg != "message" && pkg != "client" {
			found["exported "+pkg] = n
		}
	}
	compareRatchet(t, found, readRatchet(t))
}

func exportedNames(f *ast.File) []string {
	var out []string
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				out = append(out, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						out = append(out, s.Name.Name)
					}
				case *ast.ValueSpec:
					if d.Tok == token.VAR && s.Names[0].IsExported() {
						out = append(out, s.Names[0].Name)
					}
				}
			}
		}
	}
	return out
}

func readRatchet(t *testing.T) map[string]int {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "ratchet.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	marks := map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		n, err := strconv.Atoi(line[i+1:])
		if err != nil {
			t.Fatalf("ratchet.txt: %q: %v", line, err)
		}
		marks[line[:i]] = n
	}
	return marks
}

func compareRatchet(t *testing.T, found, marks map[string]int) {
	t.Helper()
	var names []string
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if mark, ok := marks[name]; !ok || found[name] > mark {
			t.Errorf("%s is %d, over its rule and over its mark %d in testdata/ratchet.txt", name, found[name], mark)
		}
	}
	for name, mark := range marks {
		if found[name] == 0 {
			t.Errorf("testdata/ratchet.txt lists %s at %d, which keeps its rule now: remove the line", name, mark)
		}
	}
}

// TestEverythingIsDocumented asks for a package comment in each package and a comment on each exported name.
func TestEverythingIsDocumented(t *testing.T) {
	documented, packages := map[string]bool{}, map[string]bool{}
	for _, s := range load(t) {
		if s.test || testOnly(s.pkg) {
			continue
		}
		packages[s.pkg] = true
		if s.file.Doc != nil {
			documented[s.pkg] = true
		}
		for _, decl := range s.file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: exported %s has no comment", s.path, name)
			}
		}
	}
	for pkg := range packages {
		if !documented[pkg] {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

func undocumented(decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var out []string
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					out = append(out, s.Names[0].Name)
				}
			}
		}
		return out
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// TestNoInit forbids init functions: state has an owner, and start-up an order.
func TestNoInit(t *testing.T) {
	for _, s := range load(t) {
		if s.test || testOnly(s.pkg) {
			continue
		}
		for _, decl := range s.file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init functions are not used here", s.path)
			}
		}
	}
}

// TestNothingIsLeftForLater looks for marks of unfinished work.
func TestNothingIsLeftForLater(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "HA" + "CK:"}
	for _, s := range load(t) {
		for _, group := range s.file.Comments {
			for _, mark := range marks {
				if strings.Contains(group.Text(), mark) {
					t.Errorf("%s: a comment says %s: do it or leave it out", s.path, mark)
				}
			}
		}
	}
}
