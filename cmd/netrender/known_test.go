package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

func TestKnownFarmsOfOld(t *testing.T) {
	var known knownFarms
	old := `{"f1": "nr_user", "f1/worker": "nr_worker", "f2/worker": "nr_two", "f3": {"token": "nr_three", "tls": true, "pin": "p"}}`
	if err := json.Unmarshal([]byte(old), &known); err != nil {
		t.Fatal(err)
	}
	want := knownFarms{
		"f1": {Token: "nr_user", Worker: "nr_worker"}, "f2": {Worker: "nr_two"}, "f3": {Token: "nr_three", TLS: true, Pin: "p"},
	}
	for id, f := range want {
		if known[id] != f {
			t.Errorf("%s is %+v, not %+v", id, known[id], f)
		}
	}
	text, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	var again knownFarms
	if err := json.Unmarshal(text, &again); err != nil || len(again) != 3 || again["f1"] != want["f1"] {
		t.Errorf("%s came back as %+v, %v", text, again, err)
	}
	for _, bad := range []string{`[]`, `{"f": 3}`, `{"f": {"tls": "x"}}`} {
		if err := json.Unmarshal([]byte(bad), &known); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestMeet: what is known of a farm's master is not given up for what somebody announces or names.
func TestMeet(t *testing.T) {
	own, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	for _, c := range []struct {
		name  string
		known knownFarm
		m     foundMaster
		url   string // "": refused
		heard bool
	}{
		{"never seen to encrypt", knownFarm{}, foundMaster{URL: "http://a:1", heard: true}, "http://a:1", true},
		{"encrypts since", knownFarm{}, foundMaster{URL: "https://a:1#" + own, heard: true}, "https://a:1#" + own, true},
		{"known key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + own, heard: true}, "https://a:1#" + own, false},
		{"another key is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + other, heard: true}, "https://a:1#" + own, false},
		{"no key is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1", heard: true}, "https://a:1#" + own, false},
		{"named without a key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1"}, "https://a:1#" + own, false},
		{"a person names another key", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "https://a:1#" + other}, "https://a:1#" + other, false},
		{"no encryption is announced", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "http://a:1", heard: true}, "", false},
		{"named without encryption", knownFarm{TLS: true, Pin: own}, foundMaster{URL: "http://a:1"}, "", false},
		{"a certificate with a name", knownFarm{TLS: true}, foundMaster{URL: "https://a:1"}, "https://a:1", false},
		{"a certificate with a name, announced", knownFarm{TLS: true}, foundMaster{URL: "https://a:1", heard: true}, "https://a:1", true},
		{"a certificate with a name, and none any more", knownFarm{TLS: true}, foundMaster{URL: "http://a:1", heard: true}, "", false},
	} {
		m, err := c.known.meet(c.m)
		switch {
		case c.url == "" && farm.KindOf(err) != farm.Untrusted:
			t.Errorf("%s: %+v %v", c.name, m, err)
		case c.url != "" && (err != nil || m.URL != c.url || m.heard != c.heard):
			t.Errorf("%s: %+v %v", c.name, m, err)
		}
		if c.url != "" {
			if _, err := wire.ParseAddress(m.URL); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// TestAnotherFarmAtTheRememberedAddress: it gets no token, and is not worked for.
func TestAnotherFarmAtTheRememberedAddress(t *testing.T) {
	f := startFarm(t)
	home := &app{settings: settings{data: t.TempDir()}}
	if err := home.keepFarm("another", func(k *knownFarm) { k.Token, k.At = "nr_secret", f.client.Address() }); err != nil {
		t.Fatal(err)
	}
	contains(t, f.fails(exitReach, "jobs --data "+home.settings.data), "another farm")
	if _, _, err := home.join(f.ctx, &workerOptions{}, "", ""); !wire.Again(err) {
		t.Errorf("a worker: %v", err)
	}
}

// TestATokenAndNoMaster: that nobody answers is said in seconds, also to whoever has a token for it.
func TestATokenAndNoMaster(t *testing.T) {
	command(t, "version")
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := nobody.Addr().String()
	_ = nobody.Close()
	began := time.Now()
	_, errs, code := command(t, "jobs", "--master", "http://"+at, "--token", "nr_token")
	if took := time.Since(began); code != exitReach || took > 8*time.Second {
		t.Errorf("exit %d after %s", code, took)
	}
	contains(t, errs, at+": nothing answers there", "netrender doctor")
}

// TestMasters: those that announce themselves, the one that runs here and those that let this machine in are listed, each
// once.
func TestMasters(t *testing.T) {
	here := startFarm(t)
	begin(t, here.ctx, "master", "--listen", "127.0.0.1:0", "--name", "elsewhere", "--data", t.TempDir())
	quiet := begin(t, here.ctx, "master", "--listen", "127.0.0.1:0", "--name", "met before", "--quiet-network", "--json", "--data", t.TempDir())
	waitFor(t, "it runs", func() bool { return strings.HasSuffix(quiet.out.String(), "}\n") })
	var at struct{ URL, ID string }
	if err := json.Unmarshal([]byte(quiet.out.String()), &at); err != nil {
		t.Fatal(err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	home := &app{settings: settings{data: here.data}}
	for id, url := range map[string]string{at.ID: at.URL, "gone": "http://" + nobody.Addr().String()} {
		if err := home.keepFarm(id, func(k *knownFarm) { k.Token, k.At = "nr_secret", url }); err != nil {
			t.Fatal(err)
		}
	}
	var seen map[string][]seenMaster
	waitFor(t, "the one elsewhere is found", func() bool {
		seen = map[string][]seenMaster{}
		for _, m := range lines[seenMaster](t, here.ok("masters --json")) {
			seen[m.Name] = append(seen[m.Name], m)
		}
		return len(seen["elsewhere"]) > 0
	})
	var own seenMaster
	for _, list := range seen {
		for _, m := range list {
			if m.Here {
				own = m
			}
			if m.ID == "gone" {
				t.Errorf("one that does not answer is listed: %+v", m)
			}
		}
	}
	if own.URL != here.client.Address() || !own.LetIn {
		t.Errorf("this machine's own: %+v", own)
	}
	if l := seen["elsewhere"]; len(l) != 1 || l[0].LetIn || l[0].Here {
		t.Errorf("a stranger: %+v", l)
	}
	if l := seen["met before"]; len(l) != 1 || !l[0].LetIn || l[0].Here || l[0].URL != at.URL {
		t.Errorf("one that let this machine in: %+v; it is at %+v", l, at)
	}
	contains(t, here.ok("masters"), "elsewhere", "runs here, let this machine in")
	// Who asks for this machine's alone finds it, or none: the network is not asked.
	here.ok("jobs --master here")
	dir := t.TempDir()
	_, errs, code := command(t, "jobs", "--master", "here", "--data", dir)
	if code != exitReach {
		t.Errorf("exit %d where no master runs here", code)
	}
	contains(t, errs, "no master runs on this machine", "netrender up")
	home.settings.data = dir
	if _, _, err := home.join(here.ctx, &workerOptions{}, hereOnly, ""); !wire.Again(err) {
		t.Errorf("a worker: %v", err)
	}
}

// TestLoginForAJob: the link leads to the job's page, on an open farm without a login.
func TestLoginForAJob(t *testing.T) {
	f := startFarm(t)
	job := f.submit("1", true)
	contains(t, f.ok(fmt.Sprintf("login --job %d", job.ID)), "/login/", fmt.Sprintf("?to=%%2Fjobs%%2F%d", job.ID))
	f.fails(exitFailed, "login --job 99")
	open := startFarm(t, "--open")
	job = open.submit("1", true)
	if got := open.ok(fmt.Sprintf("login --job %d", job.ID)); !strings.HasSuffix(got, fmt.Sprintf("/jobs/%d\n", job.ID)) || strings.Contains(got, "login") {
		t.Errorf("an open farm: %s", got)
	}
	if got := strings.TrimSpace(open.ok("login")); got != open.client.Address() {
		t.Errorf("an open farm: %s", got)
	}
}
