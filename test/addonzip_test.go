package test

import (
	"archive/zip"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/addon"
)

// installed is what Blender says of the add-on.
type installed struct {
	Module  string
	Home    string
	Info    []int
	Program string
	Farm    addon.Farm
}

// install installs a zip in a Blender whose settings lie below home.
func install(t *testing.T, blender, home, way, path string) installed {
	t.Helper()
	script, err := filepath.Abs("installaddon.py")
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"-b", "--python-exit-code", "1", "--python", script, "--", way, path}
	if strings.HasPrefix(filepath.Base(blender), "python") {
		argv = []string{script, "--", way, path}
	}
	cmd := exec.Command(blender, argv...)
	cmd.Env = append(cleanEnv(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "XDG_CACHE_HOME="+filepath.Join(home, "cache"))
	if strings.HasPrefix(filepath.Base(blender), "python") {
		cmd.Env = append(cmd.Env, "BLENDER_USER_RESOURCES="+filepath.Join(home, "blender"))
	}
	out, err := cmd.CombinedOutput()
	_, said, ok := strings.Cut(string(out), "\nINSTALLED ")
	var found installed
	if err == nil && ok {
		said, _, _ = strings.Cut(said, "\n")
		err = json.Unmarshal([]byte(said), &found)
	}
	if err != nil || !ok {
		t.Fatalf("%s, %s: %v\n%s", blender, way, err, tail(string(out), 3000))
	}
	home, err = filepath.EvalSymlinks(home)
	if err != nil || !strings.HasPrefix(found.Home, home) {
		t.Errorf("it was installed in %s, not below %s (%v)", found.Home, home, err)
	}
	return found
}

// TestTheAddonIsInstalled: one zip is a legacy add-on and an extension, enabled without a complaint, in every Blender that
// is here; and the program inside is this one.
func TestTheAddonIsInstalled(t *testing.T) {
	out := filepath.Join(t.TempDir(), "netrender.zip")
	said, errs, code := run(t, nil, "addon", "-o", out, "--master", "http://render-master:8420", "--data", t.TempDir())
	if code != 0 || !strings.Contains(said, "It knows the master at http://render-master:8420.") {
		t.Fatalf("exit %d: %s%s", code, said, errs)
	}
	version, _, _ := run(t, nil, "version")
	for _, blender := range blenders(t) {
		module := strings.HasPrefix(filepath.Base(blender), "python")
		ways := []string{"legacy"}
		if module {
			ways = append(ways, "extension")
		}
		for _, way := range ways {
			t.Run(filepath.Base(blender)+" "+way, func(t *testing.T) {
				home := t.TempDir()
				found := install(t, blender, home, way, out)
				if want := map[string]string{"legacy": "netrender", "extension": "bl_ext.user_default.netrender"}[way]; found.Module != want {
					t.Errorf("the module is %s, not %s", found.Module, want)
				}
				if found.Program != strings.TrimSpace(version) {
					t.Errorf("the program inside says %q, not %q", found.Program, version)
				}
				if found.Farm.Master != "http://render-master:8420" {
					t.Errorf("it knows %+v", found.Farm)
				}
				if numbers := regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(version); way == "legacy" && fmt.Sprint(found.Info) != "["+strings.ReplaceAll(numbers, ".", " ")+"]" {
					t.Errorf("bl_info has the version %v", found.Info)
				}
				if way == "legacy" && !module { // a Blender that starts anew has it enabled
					install(t, blender, home, "look", out)
				}
			})
		}
	}
}

// TestBlendersCheckerTakesTheExtension: the checker that comes with Blender 4.2 and newer, which is strict about texts,
// permissions, tags and versions.
func TestBlendersCheckerTakesTheExtension(t *testing.T) {
	for _, blender := range blenders(t) {
		scripts, _ := filepath.Glob(filepath.Join(filepath.Dir(blender), "../lib/python*/site-packages/bpy/*/scripts"))
		if len(scripts) == 0 {
			continue
		}
		for _, words := range [][]string{nil, {"--no-program"}} {
			out := filepath.Join(t.TempDir(), "netrender.zip")
			if _, errs, code := run(t, nil, append([]string{"addon", "-o", out, "--data", t.TempDir()}, words...)...); code != 0 {
				t.Fatal(errs)
			}
			check := exec.Command(blender, filepath.Join(scripts[0], "addons_core/bl_pkg/cli/blender_ext.py"), "validate",
				"--valid-tags", filepath.Join(scripts[0], "modules/_bpy_internal/extensions/tags.py"), out)
			if text, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", words, err, text)
			}
		}
		return
	}
	t.Skip("no Blender with extensions was found: NETRENDER_TEST_BPY=1 tools/setup fetches one") // a machine may do without
}

// TestTheMasterHandsTheAddonOut: to whoever asks, with the address that was asked and the master's key; of other
// platforms, those whose programs lie in its folder.
func TestTheMasterHandsTheAddonOut(t *testing.T) {
	ip := ownAddress()
	if ip == "" {
		t.Skip("this machine has no address but its own")
	}
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", encrypted), func(t *testing.T) {
			f := &farm{t: t, data: t.TempDir(), port: freePort(t)}
			args := []string{"--listen", fmt.Sprintf("0.0.0.0:%d", f.port)}
			if encrypted {
				args = append(args, "--tls")
			}
			f.start(args...)
			var note struct {
				URL, ID string
			}
			text, err := os.ReadFile(filepath.Join(f.data, "master.json"))
			if err != nil || json.Unmarshal(text, &note) != nil {
				t.Fatalf("%v %s", err, text)
			}
			want := strings.Replace(note.URL, "127.0.0.1", ip, 1)
			at, pin, _ := strings.Cut(want, "#")
			if encrypted != (pin != "") {
				t.Fatalf("the master's address is %s", want)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the master made its key itself
			get := func(path string) (int, []byte) {
				t.Helper()
				resp, err := client.Get(at + path)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, text
			}
			this := runtime.GOOS + "-" + runtime.GOARCH
			status, body := get("/addon.zip?platform=" + this)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			in, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
			if err != nil {
				t.Fatal(err)
			}
			inside := func(name string) []byte {
				t.Helper()
				file, err := in.Open("netrender/" + name)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(file)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			var knows addon.Farm
			if err := json.Unmarshal(inside("farm.json"), &knows); err != nil || knows.Master != want || knows.ID != note.ID || string(knows.Platform) != this {
				t.Errorf("it knows %+v, %v; not %s", knows, err, want)
			}
			ours, err := os.ReadFile(program)
			if err != nil || !bytes.Equal(inside("bin/netrender"), ours) {
				t.Errorf("another program is inside (%v)", err)
			}
			// What is in it is enough to ask for pairing, and for no more.
			p := start(t, []string{"NETRENDER_MASTER=" + knows.Master}, "pair", "--data", t.TempDir(), "--name", "artist")
			eventually(t, 20*time.Second, "a code is shown", func() bool { return strings.Contains(p.out.String(), "pair accept") })
			p.kill()
			if _, errs, code := run(t, []string{"NETRENDER_MASTER=" + knows.Master}, "jobs", "--data", t.TempDir()); code != 3 || !strings.Contains(errs, "wants a token") {
				t.Errorf("without a token: exit %d, %s", code, errs)
			}
			if _, again := get("/addon.zip?platform=" + this); !bytes.Equal(again, body) {
				t.Error("the second zip differs from the first")
			}
			if encrypted {
				return
			}
			if status, _ := get("/addon.zip?platform=windows-amd64"); status != http.StatusNotFound {
				t.Errorf("the program of a platform that is not here: %d", status)
			}
			if status, body := get("/addon"); status != http.StatusOK || strings.Contains(string(body), "?platform=windows-amd64") {
				t.Errorf("the page: %d\n%s", status, body)
			}
			exe := filepath.Join(f.data, "programs", "netrender-windows-amd64.exe")
			build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", exe, "github.com/netrender/netrender/cmd/netrender")
			build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
			if text, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if _, body := get("/addon"); !strings.Contains(string(body), "?platform=windows-amd64") {
				t.Errorf("the page does not offer it:\n%s", body)
			}
			status, body = get("/addon.zip?platform=windows-amd64")
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			if in, err = zip.NewReader(bytes.NewReader(body), int64(len(body))); err != nil {
				t.Fatal(err)
			}
			if ours, err = os.ReadFile(exe); err != nil || !bytes.Equal(inside("bin/netrender.exe"), ours) {
				t.Errorf("another program is inside (%v)", err)
			}
		})
	}
}

// TestTheAddonOnItsPage: a person who was not let in yet finds it, and it is downloaded.
func TestTheAddonOnItsPage(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	b.visit(f.url)
	b.press("install the add-on")
	b.sees("Blender add-on", "Install from Disk", "This master has no program for", "netrender pair accept CODE")
	checker := axe(t)
	b.accessible(checker, f.url+"/addon")
	for _, look := range []struct {
		name  string
		width int64
		dark  bool
	}{{"light", 1280, false}, {"dark", 1280, true}, {"phone", 390, false}} {
		b.look(look.width, 900, look.dark)
		b.visit(f.url + "/addon")
		b.sees("Download")
		b.keep("addon-" + look.name)
		if wide := value[float64](b, "document.documentElement.scrollWidth"); int64(wide) > look.width {
			t.Errorf("%s: the page is %v wide", look.name, wide)
		}
	}
	b.visit(f.link(f.url))
	b.press("Log in")
	b.press("Blender add-on")
	b.sees("To offer the other platforms")
	b.look(390, 900, false)
	b.visit(f.url)
	b.sees("In progress")
	if wide := value[float64](b, "document.documentElement.scrollWidth"); wide > 390 {
		t.Errorf("the menu makes the page %v wide", wide)
	}
	b.keep("addon-menu-phone")
}
