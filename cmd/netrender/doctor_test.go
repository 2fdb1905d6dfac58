package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestClockThatIsOff: the doctor tells of it. That it harms nothing but the times shown is tested in internal/client:
// every time is the master's, and nothing compares it with another machine's.
func TestClockThatIsOff(t *testing.T) {
	for _, c := range []struct {
		off time.Duration
		ok  bool
	}{{0, true}, {time.Hour, false}, {-time.Hour, false}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(wire.Info{Protocol: wire.Version, ID: "x", Open: true, Time: time.Now().Add(c.off).UnixMilli()})
		}))
		out, errs, _ := command(t, "doctor", "--quick", "--blender", "/nowhere/blender", "--master", server.URL, "--json")
		server.Close()
		var clock finding
		for line := range strings.Lines(out) {
			var f finding
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if f.What == "clock" {
				clock = f
			}
		}
		if clock.What == "" || clock.OK != c.ok || !c.ok && !strings.Contains(clock.Next, "set the clock") {
			t.Errorf("%s off: %+v\n%s%s", c.off, clock, out, errs)
		}
	}
}

// examine runs the doctor and sorts what it says.
func examine(t *testing.T, code int, words ...string) map[string][]finding {
	t.Helper()
	out, errs, got := command(t, append([]string{"doctor", "--quick", "--blender", "/nowhere/blender", "--json"}, words...)...)
	if got != code || errs != "" {
		t.Errorf("exit %d %s", got, errs)
	}
	all := map[string][]finding{}
	for _, f := range lines[finding](t, out) {
		all[f.What] = append(all[f.What], f)
	}
	return all
}

// one is the only finding of its kind.
func one(t *testing.T, all map[string][]finding, what string, ok bool, want string) {
	t.Helper()
	if list := all[what]; len(list) != 1 || list[0].OK != ok || !strings.Contains(list[0].Text, want) {
		t.Errorf("%s is %+v, want %v with %q", what, list, ok, want)
	}
}

// TestTokensAreTried: the doctor shows the master the token and reports what it says of it.
func TestTokensAreTried(t *testing.T) {
	f := startFarm(t)
	one(t, examine(t, exitFailed), "token", true, "let in as admin (admin): it may do everything")
	anna := lines[wire.NewToken](t, f.ok("token create anna --json"))[0]
	oak := lines[wire.NewToken](t, f.ok("token create oak --role worker --json"))[0]
	at := f.client.Address()
	one(t, examine(t, exitFailed, "--master", at, "--token", anna.Secret), "token", true, "let in as anna (submit)")
	one(t, examine(t, exitFailed, "--master", at, "--token", "nr_wrong"), "token", false, "does not know this token")

	// Another machine, with what it was given and remembers.
	info, err := f.client.Info(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	laptop := &app{settings: settings{data: t.TempDir()}}
	look := func(code int) map[string][]finding {
		return examine(t, code, "--master", at, "--data", laptop.settings.data)
	}
	one(t, look(exitFailed), "token", false, "this machine has none")
	if err := laptop.keepFarm(info.ID, func(k *knownFarm) { k.Token = anna.Secret }); err != nil {
		t.Fatal(err)
	}
	one(t, look(exitFailed), "token", true, "let in as anna (submit)")
	f.ok("token revoke " + anna.ID)
	all := look(exitFailed)
	one(t, all, "token", false, "or it was revoked")
	if next := all["token"][0].Next; !strings.Contains(next, "netrender pair") {
		t.Errorf("next is %q", next)
	}
	if err := laptop.keepFarm(info.ID, func(k *knownFarm) { k.Worker = oak.Secret }); err != nil {
		t.Fatal(err)
	}
	if list := look(exitFailed)["token"]; len(list) != 2 || list[0].OK || !list[1].OK || !strings.Contains(list[1].Text, "let in as oak (worker): it may render") {
		t.Errorf("%+v", list)
	}
}

// TestPortsAreTried: a port that another program holds matters to who wants to run a master there.
func TestPortsAreTried(t *testing.T) {
	command(t, "version")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	nobody := []string{"--master", "127.0.0.1:1"}
	one(t, examine(t, exitFailed, append(nobody, "--listen", "127.0.0.1:0")...), "port", true, "is free for a master")
	one(t, examine(t, exitFailed, append(nobody, "--listen", taken.Addr().String())...), "port", false, "in use")
	one(t, examine(t, exitFailed, append(nobody, "--listen", taken.Addr().String())...), "finding", true, "UDP port 8420")
	f := startFarm(t)
	here := strings.TrimPrefix(f.client.Address(), "http://")
	one(t, examine(t, exitFailed, "--listen", here), "port", true, "the master of this machine listens on port")
	if _, errs, code := command(t, "doctor", "--listen", "nowhere"); code != exitUsage || !strings.Contains(errs, "not an address") {
		t.Errorf("exit %d %s", code, errs)
	}
}

func TestFolderForFramesIsTried(t *testing.T) {
	dir := t.TempDir()
	one(t, examine(t, exitFailed, "--master", "127.0.0.1:1", "--out", filepath.Join(dir, "frames")), "out", true, "can be written")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	one(t, examine(t, exitFailed, "--master", "127.0.0.1:1", "--out", filepath.Join(file, "frames")), "out", false, "cannot be written")
}

// TestWorkersOutOfReach: the doctor names the workers that others cannot fetch files from, and nothing fails for that.
func TestWorkersOutOfReach(t *testing.T) {
	says := func(name string, online bool, unreachable ...string) wire.WorkerView {
		v := wire.WorkerView{Worker: farm.Worker{ID: farm.WorkerID("worker-" + name), Name: name}, Online: online}
		v.Load.Peer = &farm.PeerLoad{Unreachable: unreachable}
		return v
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/workers") {
			_ = json.NewEncoder(w).Encode(wire.WorkerList{Workers: []wire.WorkerView{
				says("oak", true, "elm", "ash"), says("ash", true, "elm"), says("yew", false, "oak"), says("elm", true), {},
			}})
			return
		}
		_ = json.NewEncoder(w).Encode(wire.Info{Protocol: wire.Version, ID: "x", Open: true, Time: time.Now().UnixMilli()})
	}))
	defer server.Close()
	found := examine(t, 1, "--master", server.URL)["workers"] // 1: there is no Blender
	if len(found) != 2 || !found[0].OK || !strings.HasPrefix(found[0].Text, "ash cannot be reached by 1 other worker:") ||
		!strings.HasPrefix(found[1].Text, "elm cannot be reached by 2 other workers:") || !strings.Contains(found[1].Next, "--peer-port") {
		t.Errorf("found %+v", found)
	}
}
