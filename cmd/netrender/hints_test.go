package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// notCommands are words that follow "netrender" in texts that are labels of hashes, not hints.
var notCommands = map[string]bool{"hash": true, "letters": true, "mark": true, "pairing": true, "proof": true}

// TestHintsNameCommandsThatExist reads every text of the program for commands that it tells people to run.
func TestHintsNameCommandsThatExist(t *testing.T) {
	known := map[string]bool{"help": true}
	for _, c := range (&app{streams: streams{strings.NewReader(""), io.Discard, io.Discard}}).root().Commands() {
		known[c.Name()] = true
	}
	named := regexp.MustCompile(`\bnetrender ([a-z][a-z-]*)`)
	seen := 0
	check := func(at, text string) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			seen++
			if !known[m[1]] && !notCommands[m[1]] {
				t.Errorf("%s speaks of netrender %s, which is no command: %q", at, m[1], text)
			}
		}
	}
	for _, top := range []string{".", "../../internal"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			switch filepath.Ext(path) {
			case ".go":
				files := token.NewFileSet()
				src, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				ast.Inspect(src, func(n ast.Node) bool {
					if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
						if text, err := strconv.Unquote(lit.Value); err == nil {
							check(files.Position(lit.Pos()).String(), text)
						}
					}
					return true
				})
			case ".html", ".py":
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				check(path, string(text))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 50 {
		t.Errorf("only %d commands were found in texts", seen)
	}
}
