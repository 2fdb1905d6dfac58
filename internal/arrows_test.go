// Package internal_test guards the arrows of the design, section 2: which room may import what, and in which rooms
// the clock, the environment, processes and SQL are opened. It reads the sources and nothing else.
package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/netrender/netrender/"

// room says what the sources below one folder of internal may import.
type room struct {
	rooms string // rooms of ours, besides itself
	libs  string // outside modules
	bars  string // packages of the standard library that it must not import, with all below them
}

// rooms is section 2 of the design. A room that is not named here cannot be built.
var rooms = map[string]room{
	"addon":   {bars: "net database os log"},
	"farm":    {bars: "net database os log"},
	"balance": {rooms: "farm", bars: "net database os log io sync math/rand crypto context"},
	"blob":    {libs: "github.com/klauspost/compress golang.org/x/sys golang.org/x/text", bars: "net/http database log"},
	"exr":     {libs: "github.com/klauspost/compress", bars: "net database log"},
	"openjd":  {libs: "go.yaml.in/yaml/v3", bars: "net database os log"},
	"blender": {libs: "github.com/klauspost/compress golang.org/x/sys golang.org/x/net/bpf github.com/landlock-lsm/go-landlock", bars: "net/http database"},
	"archive": {bars: "net database os log"},
	"beacon":  {libs: "github.com/hashicorp/mdns github.com/miekg/dns golang.org/x/sys golang.org/x/net", bars: "net/http database"},
	"desktop": {libs: "github.com/godbus/dbus/v5 github.com/zalando/go-keyring", bars: "net database log"},
	"store": {
		rooms: "farm", bars: "net/http",
		libs: "modernc.org/sqlite github.com/pressly/goose/v3 github.com/jackc/pgx/v5 golang.org/x/sys",
	}, // sys: its lock file
	"wire":    {rooms: "blob farm", libs: "github.com/klauspost/compress", bars: "database"},
	"master":  {rooms: "archive balance blob farm", libs: "golang.org/x/sys", bars: "net/http database"},
	"api":     {rooms: "master wire exr blob farm", libs: "github.com/danielgtaylor/huma/v2 github.com/prometheus/client_golang", bars: "database"},
	"notify":  {rooms: "farm", libs: "github.com/nicholas-fedor/shoutrrr", bars: "database os log"},
	"classic": {rooms: "master exr blob farm", bars: "database"},
	"web":     {rooms: "master blob farm", bars: "database"},
	"peer":    {rooms: "wire blob farm", bars: "database"},
	"worker":  {rooms: "peer wire exr blender blob farm openjd", libs: "github.com/shirou/gopsutil/v4 golang.org/x/sys", bars: "net/http database"},
	"client":  {rooms: "wire blender blob farm", libs: "golang.org/x/sys", bars: "net/http database"},
}

// pin holds some functions of a package to some rooms.
type pin struct {
	pkg   string
	names string
	rooms string
}

var pins = []pin{
	{"time", "Now Since Until", "cmd blender beacon worker client api"}, // deadlines on devices, and how long a request took
	{"time", "After AfterFunc NewTimer NewTicker Tick Sleep", "cmd blob blender beacon store wire master api classic web peer worker client"},
	{"net/http", "DefaultTransport", "notify"}, // where it holds a library
	{"os", "Getenv LookupEnv Environ ExpandEnv Setenv Unsetenv Clearenv UserHomeDir UserConfigDir UserCacheDir", "cmd"},
	{"syscall", "Getenv Environ Setenv", "cmd"},
	{"golang.org/x/sys/unix", "Getenv Setenv", "cmd"}, // Environ: a process that becomes another hands its own on
	{"os/exec", "Command CommandContext", "blender"},
	{"os", "StartProcess", "cmd blender"}, // cmd starts itself to measure it
	{"syscall", "Exec ForkExec StartProcess", "blender"},
	{"database/sql", "Open OpenDB", "store"},
}

// roomOf returns the room of a source, "cmd" for the command, "addon" for the add-on and "" for none.
func roomOf(file string) string {
	parts := strings.Split(path.Dir(file), "/")
	switch {
	case parts[0] == "cmd":
		return "cmd"
	case parts[0] == "addon":
		return "addon"
	case parts[0] == "internal" && len(parts) > 1:
		return parts[1]
	}
	return ""
}

// support tells whether a folder is a room's test support: blobtest, storetest. Only tests may import it.
func support(dir string) bool {
	name := path.Base(dir)
	return strings.HasSuffix(name, "test") && name != "test"
}

// below tells whether a package is one of a list separated by blanks, or below one.
func below(pkg, list string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(top string) bool {
		return pkg == top || strings.HasPrefix(pkg, top+"/")
	})
}

func among(name, list string) bool { return slices.Contains(strings.Fields(list), name) }

// check returns what is wrong with one source, which lies at the slashed path below the repository.
func check(file string, text []byte) []string {
	var wrong []string
	files := token.NewFileSet()
	src, err := parser.ParseFile(files, file, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	say := func(at ast.Node, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s: %s", files.Position(at.Pos()), fmt.Sprintf(format, args...)))
	}
	in := roomOf(file)
	r, known := rooms[in]
	if !known && in != "cmd" {
		say(src, "%q is no room", in)
		return wrong
	}
	names := map[string]string{} // what a package is called here -> its path
	for _, imp := range src.Imports {
		pkg, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			say(imp, "%v", err)
			continue
		}
		name := path.Base(pkg)
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = pkg
		if name == "." {
			say(imp, "%s is imported without a name, so that nobody sees what is its", pkg)
		}
		ours, isOurs := strings.CutPrefix(pkg, module)
		outside := strings.Contains(strings.Split(pkg, "/")[0], ".")
		switch {
		case isOurs && support(ours) && !support(path.Dir(file)):
			say(imp, "%s is for tests", pkg)
		case isOurs && in != "cmd":
			if to := roomOf(ours + "/x.go"); to != in && !among(to, r.rooms) {
				say(imp, "%s must not import %s", in, ours)
			}
		case outside && in != "cmd":
			tests := support(path.Dir(file)) && below(pkg, "pgregory.net/rapid github.com/google/go-cmp")
			if !below(pkg, r.libs) && !tests {
				say(imp, "%s must not use %s", in, pkg)
			}
		case below(pkg, r.bars):
			say(imp, "%s must not import %s", in, pkg)
		case pkg == "testing" && !support(path.Dir(file)):
			say(imp, "%s is for tests", pkg)
		}
	}
	ast.Inspect(src, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		for _, p := range pins {
			if names[x.Name] == p.pkg && among(sel.Sel.Name, p.names) && !among(in, p.rooms) {
				say(sel, "%s.%s is not for %s, only for %s", p.pkg, sel.Sel.Name, in, p.rooms)
			}
		}
		return true
	})
	return wrong
}

// TestArrows reads every source of the program that is no test, for every platform.
func TestArrows(t *testing.T) {
	root := os.DirFS("..")
	seen := map[string]int{}
	for _, top := range []string{"addon", "cmd", "internal"} {
		err := fs.WalkDir(root, top, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return nil
			}
			text, err := fs.ReadFile(root, file)
			if err != nil {
				return err
			}
			seen[roomOf(file)]++
			for _, wrong := range check(file, text) {
				t.Error(wrong)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range []string{"addon", "cmd", "farm", "balance", "blob", "blender", "beacon", "desktop", "store", "wire", "master", "api", "peer", "worker", "client", "notify", "classic"} {
		if seen[in] == 0 {
			t.Errorf("no source of %s was seen", in)
		}
	}
}

// TestCheck: the check itself finds what it is for, and nothing else.
func TestCheck(t *testing.T) {
	use := func(pkg string) string { return fmt.Sprintf("package x\nimport _ %q\n", pkg) }
	for _, c := range []struct{ file, text, want string }{
		{"internal/farm/a.go", use("strings"), ""},
		{"internal/farm/a.go", use("time"), ""},
		{"internal/farm/a.go", use("net"), "farm must not import net"},
		{"internal/farm/a.go", use("net/http"), "farm must not import net/http"},
		{"internal/farm/a.go", use("net/netip"), "farm must not import"},
		{"internal/farm/a.go", use("database/sql"), "farm must not import"},
		{"internal/farm/a.go", use("os"), "farm must not import os"},
		{"internal/farm/a.go", use("os/exec"), "farm must not import"},
		{"internal/farm/a.go", use("log"), "farm must not import log"},
		{"internal/farm/a.go", use("log/slog"), "farm must not import"},
		{"internal/farm/a.go", use("golang.org/x/sys/unix"), "farm must not use"},
		{"internal/farm/a.go", use(module + "internal/blob"), "farm must not import internal/blob"},
		{"internal/balance/a.go", use(module + "internal/farm"), ""},
		{"internal/balance/a.go", use(module + "internal/master"), "must not import"},
		{"internal/balance/a.go", use("sync"), "must not import"},
		{"internal/balance/a.go", use("math/rand/v2"), "must not import"},
		{"internal/balance/a.go", use("math"), ""},
		{"internal/blob/a.go", use(module + "internal/farm"), "must not import"},
		{"internal/blob/a.go", use("github.com/klauspost/compress/zstd"), ""},
		{"internal/blob/a.go", use("github.com/klauspost/compressed"), "must not use"},
		{"internal/blob/blobtest/a.go", use(module + "internal/blob"), ""},
		{"internal/blob/blobtest/a.go", use("testing"), ""},
		{"internal/blob/blobtest/a.go", use("pgregory.net/rapid"), ""},
		{"internal/blob/blobtest/a.go", use(module + "internal/farm"), "must not import"},
		{"internal/blob/blobtest/a.go", use("modernc.org/sqlite"), "must not use"},
		{"internal/blob/a.go", use("testing"), "is for tests"},
		{"internal/blob/a.go", use("pgregory.net/rapid"), "must not use"},
		{"internal/master/a.go", use(module + "internal/blob/blobtest"), "is for tests"},
		{"cmd/netrender/a.go", use(module + "internal/store/storetest"), "is for tests"},
		{"internal/master/a.go", use(module + "internal/store"), "master must not import internal/store"},
		{"internal/master/a.go", use(module + "internal/wire"), "must not import"},
		{"internal/master/a.go", use("net/http"), "must not import"},
		{"internal/api/a.go", use(module + "internal/classic"), "must not import"},
		{"internal/web/a.go", use(module + "internal/wire"), "must not import"},
		{"addon/a.go", use("archive/zip"), ""},
		{"addon/a.go", use("os"), "addon must not import os"},
		{"addon/a.go", use(module + "internal/farm"), "must not import"},
		{"addon/a.go", use("github.com/spf13/cobra"), "addon must not use"},
		{"internal/farm/a.go", use(module + "addon"), "farm must not import addon"},
		{"internal/worker/a.go", use(module + "internal/peer"), ""},
		{"internal/client/a.go", use(module + "internal/peer"), "must not import"},
		{"internal/peer/a.go", use(module + "internal/worker"), "must not import"},
		{"internal/worker/fake/a.go", use(module + "internal/worker"), ""},
		{"internal/worker/fake/a.go", use(module + "internal/client"), "must not import"},
		{"internal/client/a.go", use(module + "internal/worker/fake"), "must not import"},
		{"internal/store/a.go", use("modernc.org/sqlite/lib"), ""},
		{"internal/wire/a.go", use("modernc.org/sqlite"), "must not use"},
		{"internal/notify/a.go", use(module + "internal/farm"), ""},
		{"internal/notify/a.go", use(module + "internal/master"), "must not import"},
		{"internal/master/a.go", use(module + "internal/notify"), "must not import"},
		{"internal/web/a.go", "package x\nimport \"net/http\"\nvar x = http.DefaultTransport\n", "net/http.DefaultTransport is not for web"},
		{"internal/util/a.go", use("strings"), "is no room"},
		{"internal/a.go", use("strings"), "is no room"},
		{"cmd/netrender/a.go", use("github.com/spf13/cobra"), ""},
		{"cmd/netrender/a.go", use(module + "internal/store"), ""},
		{"internal/worker/a.go", "package x\nimport . \"strings\"\n", "without a name"},
		{"internal/worker/a.go", "package x\nimport (", "expected"},

		{"internal/master/a.go", "package x\nimport \"time\"\nvar x = time.Now()\n", "time.Now is not for master"},
		{"internal/master/a.go", "package x\nimport \"time\"\nvar x = time.Now\n", "a.go:3:9: time.Now"},
		{"internal/master/a.go", "package x\nimport clock \"time\"\nfunc f() { g(clock.Since(t)) }\n", "time.Since is not for master"},
		{"internal/farm/a.go", "package x\nimport \"time\"\nfunc (f F) m() { for { time.Sleep(1) } }\n", "time.Sleep is not for farm"},
		{"internal/master/a.go", "package x\nimport \"time\"\nvar x = time.NewTimer(1)\n", ""},
		{"internal/farm/a.go", "package x\nimport \"time\"\nvar x = time.Unix(1, 2)\n", ""},
		{"internal/farm/a.go", "package x\nvar x = time.Now()\n", ""}, // a variable of that name
		{"internal/worker/a.go", "package x\nimport \"time\"\nvar x = time.Now()\n", ""},
		{"cmd/netrender/a.go", "package x\nimport \"time\"\nvar x = time.Now()\n", ""},
		{"internal/worker/a.go", "package x\nimport \"os\"\nvar x = os.Getenv(\"HOME\")\n", "os.Getenv is not for worker"},
		{"internal/blender/a.go", "package x\nimport \"os\"\nvar x = os.Environ()\n", "os.Environ"},
		{"internal/client/a.go", "package x\nimport \"os\"\nvar x, _ = os.LookupEnv(\"A\")\n", "os.LookupEnv"},
		{"internal/client/a.go", "package x\nimport \"os\"\nvar x, _ = os.Open(\"A\")\n", ""},
		{"cmd/netrender/a.go", "package x\nimport \"os\"\nvar x = os.Getenv(\"HOME\")\n", ""},
		{"internal/worker/a.go", "package x\nimport \"os/exec\"\nvar x = exec.Command(\"a\")\n", "os/exec.Command is not for worker"},
		{"cmd/netrender/a.go", "package x\nimport \"os/exec\"\nvar x = exec.CommandContext(nil, \"a\")\n", "os/exec.CommandContext"},
		{"internal/blender/a.go", "package x\nimport \"os/exec\"\nvar x = exec.Command(\"a\")\n", ""},
		{"internal/worker/a.go", "package x\nimport \"os\"\nvar x, _ = os.StartProcess(\"a\", nil, nil)\n", "os.StartProcess"},
		{"cmd/netrender/a.go", "package x\nimport \"database/sql\"\nvar x, _ = sql.Open(\"a\", \"\")\n", "database/sql.Open is not for cmd"},
		{"internal/store/a.go", "package x\nimport \"database/sql\"\nvar x, _ = sql.Open(\"a\", \"\")\n", ""},
	} {
		got := strings.Join(check(c.file, []byte(c.text)), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s\n%s\ngot  %q\nwant %q", c.file, c.text, got, c.want)
		}
	}
}
