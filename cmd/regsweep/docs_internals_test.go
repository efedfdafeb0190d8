package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsInternals holds docs/internals.md against the code: a line that names
// a Go file names things that this file declares, after it; directories exist;
// and no walk takes more than ten files.
func TestDocsInternals(t *testing.T) {
	text, err := os.ReadFile("../../docs/internals.md")
	if err != nil {
		t.Fatal(err)
	}
	files, names := 0, 0
	quoted := regexp.MustCompile("`([^`]+)`")
	for n, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "11. ") {
			t.Errorf("line %d: a walk through more than ten files", n+1)
		}
		var declared map[string]bool
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			name := m[1]
			switch {
			case strings.HasSuffix(name, ".go"):
				files++
				if declared, err = declarations("../../" + name); err != nil {
					t.Errorf("line %d: %v", n+1, err)
				}
			case regexp.MustCompile(`^(cmd|sweep|mark|walker|layout)(/[a-z]+)*$`).MatchString(name):
				if info, err := os.Stat("../../" + name); err != nil || !info.IsDir() {
					t.Errorf("line %d: there is no package %s", n+1, name)
				}
			case declared != nil && regexp.MustCompile(`^[A-Za-z]+(\.[A-Za-z]+)?$`).MatchString(name):
				names++
				if !declared[name] {
					t.Errorf("line %d: %s is not declared there", n+1, name)
				}
			}
		}
	}
	if files < 40 || names < 50 {
		t.Errorf("only %d files and %d names: the page has another form than this test knows", files, names)
	}
}

// declarations are the names that a file declares at its top, methods as
// Type.Method.
func declarations(file string) (map[string]bool, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names, nil
}

// receiver is the type of a method and a dot, or nothing for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.Ident:
			return t.Name + "."
		default:
			return ""
		}
	}
}
