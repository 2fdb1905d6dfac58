package blob

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	for _, p := range []string{
		"a", "a/b.blend", "textures/Größe 1.png", "..a/b..c", "COM10/x", "console", "nullable.txt",
		".hidden", "a b/c", strings.Repeat("x", 255), strings.Repeat(strings.Repeat("x", 255)+"/", 4)[:1023], "COM", "日本/木.exr",
	} {
		if got, err := CleanPath(p); err != nil || got != p {
			t.Errorf("%q: %q, %v", p, got, err)
		}
	}
	for _, p := range []string{
		"", "/", "/etc/passwd", "//host/share", `\\host\share`, `a\b`, `..\x`, "C:/x", "c:x", "a:stream",
		"..", "../x", "a/../b", "a/..", ".", "./a", "a/.", "a//b", "a/", "a\x00b", "a\nb", "a\x7f", "CON", "con", "nul.txt",
		"x/AUX", "Com1", "lpt9.tar.gz", "COM¹", "NUL ", "nul .txt", "CONIN$", "a.", "a ", "a./b", "a /b", "x...", "a*", "a?", "a<b", "a|b",
		`a"b`, "\xff\xfe", strings.Repeat("x", 256), strings.Repeat("x/", 512) + "x", "\u0085", "CLOCK$",
	} {
		if got, err := CleanPath(p); !errors.Is(err, ErrPath) || got != "" {
			t.Errorf("%q was allowed: %q, %v", p, got, err)
		}
	}
}

func TestFoldPath(t *testing.T) {
	for _, same := range [][2]string{
		{"Tex/B.png", "tex/b.PNG"},
		{"Tex/ÄB.png", "tex/äb.PNG"},
		{"gr\u00f6\u00dfe", "gro\u0308\u00dfe"}, // as macOS may write what others write in one character
		{"\u212b", "\u00e5"},
		{"A\u030a", "\u00e5"}, // the sign for angstrom, and the letter
		{"\ud55c", "\u1112\u1161\u11ab"},
		{"\u0394\u03b7", "\u03b4\u0397"}, // Hangul in parts, Greek
	} {
		if FoldPath(same[0]) != FoldPath(same[1]) {
			t.Errorf("%q and %q are two", same[0], same[1])
		}
	}
	for _, two := range [][2]string{{"a", "b"}, {"a/b", "ab"}, {"o", "\u00f6"}, {"日", "曰"}} {
		if FoldPath(two[0]) == FoldPath(two[1]) {
			t.Errorf("%q and %q are one", two[0], two[1])
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "C:\\x", "nul", "a/./b", "\x00", "a\u202eb"} {
		f.Add(s)
	}
	dir := filepath.Join(string(filepath.Separator), "jobs", "7")
	f.Fuzz(func(t *testing.T, p string) {
		full, err := Join(dir, p)
		if err != nil {
			return
		}
		rel, err := filepath.Rel(dir, full)
		if err != nil || !filepath.IsLocal(rel) || rel == "." || filepath.ToSlash(rel) != p {
			t.Fatalf("%q leads to %q", p, full)
		}
		if path.Clean(p) != p || strings.ContainsAny(p, "\\:\x00") {
			t.Fatalf("%q is not clean", p)
		}
	})
}
