package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/wire"
)

var shownCode = regexp.MustCompile(`pair accept (\S+)`)

// pairing begins to pair another machine, whose data lie in a folder of their own, and returns the code that it shows.
func (f *underTest) pairing(data string, args ...string) (*background, string) {
	f.t.Helper()
	b := begin(f.t, f.ctx, append([]string{"pair", "--data", data}, args...)...)
	waitFor(f.t, "a code is shown", func() bool { return shownCode.MatchString(b.err.String()) })
	return b, shownCode.FindStringSubmatch(b.err.String())[1]
}

func (b *background) ends(t *testing.T, code int) string {
	t.Helper()
	select {
	case got := <-b.done:
		b.done <- got
		if got != code {
			t.Fatalf("it ends with %d, not %d:\n%s%s", got, code, b.out.String(), b.err.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not end:\n%s", b.err.String())
	}
	return b.err.String()
}

// restart ends the master and starts it again at the same address.
func (f *underTest) restart(flags ...string) {
	f.t.Helper()
	at := strings.TrimPrefix(strings.TrimPrefix(f.client.Address(), "https://"), "http://")
	f.master.stop()
	f.master.ends(f.t, exitDone)
	m := begin(f.t, f.ctx, append([]string{"master", "--listen", at, "--quiet-network", "--json", "--data", f.data}, flags...)...)
	waitFor(f.t, "the master runs again", func() bool { return strings.HasSuffix(m.out.String(), "}\n") })
	f.master = m
}

// TestEncryptedFarm: a machine that names a bare host pairs with letters of the key, remembers the key, and speaks to
// nothing else from then on.
func TestEncryptedFarm(t *testing.T) {
	f := startFarm(t, "--tls")
	at := strings.TrimPrefix(f.client.Address(), "https://")
	laptop := t.TempDir()
	jobs := "jobs --json --master " + at + " --data " + laptop
	contains(t, f.fails(exitReach, jobs), "wants a token")

	b, code := f.pairing(laptop, "--master", at, "--name", "laptop")
	if len(code) != len("ABC-DEF-GHJK") {
		t.Fatalf("the code is %q", code)
	}
	contains(t, f.ok("pair list"), "laptop", code[:7])
	contains(t, f.fails(exitFailed, "pair accept "+code[:7]), "four more letters")
	contains(t, f.ok("pair accept "+strings.ToLower(strings.ReplaceAll(code, "-", ""))), "laptop", "accepted as submit")
	b.ends(t, exitDone)
	f.ok(jobs)
	kept := (&app{settings: settings{data: laptop}})
	known, err := kept.readFarms()
	if err != nil || len(known) != 1 {
		t.Fatal(known, err)
	}
	for _, k := range known {
		if !k.TLS || !wire.IsPin(k.Pin) || k.Token == "" {
			t.Fatalf("kept %+v", k)
		}
	}

	// Other letters, as when another key was seen.
	b, code = f.pairing(t.TempDir(), "--master", at)
	other := "2345"
	if strings.HasSuffix(code, other) {
		other = "6789"
	}
	contains(t, f.fails(exitFailed, "pair accept "+code[:8]+other), "did not see this master's key")
	contains(t, b.ends(t, exitReach), "refused")

	// The same key after a restart.
	f.restart("--tls")
	f.ok(jobs)

	// No encryption any more, at the same address: the token is not shown.
	f.restart()
	contains(t, f.fails(exitReach, jobs), "does not encrypt its connections", "pair --again")
	contains(t, f.fails(exitReach, strings.Replace(jobs, at, "http://"+at, 1)), "does not encrypt its connections")

	// Another key.
	if err := os.Remove(filepath.Join(f.data, masterDir, keyFile)); err != nil {
		t.Fatal(err)
	}
	f.restart("--tls")
	text := f.fails(exitReach, jobs)
	contains(t, text, "does not show the key that this machine knows", "pair --again")
	contains(t, f.fails(exitReach, "pair --master "+at+" --data "+laptop), "does not show the key that this machine knows")
	b, code = f.pairing(laptop, "--again", "--master", at)
	f.ok("pair accept " + code)
	b.ends(t, exitDone)
	f.ok(jobs)
	contains(t, f.ok("pair --master "+at+" --data "+laptop), "is let in")
}

// TestFarmThatBeginsToEncrypt: who was let in before follows by itself, and does not go back.
func TestFarmThatBeginsToEncrypt(t *testing.T) {
	f := startFarm(t)
	at := strings.TrimPrefix(f.client.Address(), "http://")
	laptop := t.TempDir()
	jobs := "jobs --json --master " + at + " --data " + laptop
	b, code := f.pairing(laptop, "--master", at)
	if len(code) != len("ABC-DEF") {
		t.Errorf("the code is %q where there is no key to compare", code)
	}
	f.ok("pair accept " + code)
	b.ends(t, exitDone)
	f.restart("--tls")
	f.ok(jobs)
	f.ok(jobs)
	f.restart()
	contains(t, f.fails(exitReach, jobs), "does not encrypt its connections")
	f.restart("--tls")
	if err := os.Remove(filepath.Join(f.data, masterDir, keyFile)); err != nil {
		t.Fatal(err)
	}
	f.restart("--tls")
	contains(t, f.fails(exitReach, jobs), "does not show the key that this machine knows")
}

// TestStudioCertificate: without a name that fits, a token proves the master; it is not asked to keep its key.
func TestStudioCertificate(t *testing.T) {
	dir := t.TempDir()
	if _, err := ownIdentity(dir, time.Now()); err != nil { // any certificate with a name
		t.Fatal(err)
	}
	flags := []string{"--tls-cert", filepath.Join(dir, certificateFile), "--tls-key", filepath.Join(dir, keyFile)}
	f := startFarm(t, flags...)
	at := strings.TrimPrefix(f.client.Address(), "https://")
	laptop := t.TempDir()
	jobs := "jobs --json --master " + at + " --data " + laptop
	b, code := f.pairing(laptop, "--master", at)
	f.ok("pair accept " + code)
	b.ends(t, exitDone)
	f.ok(jobs)
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := ownIdentity(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.restart(flags...)
	f.ok(jobs)
	f.restart()
	contains(t, f.fails(exitReach, jobs), "does not encrypt its connections")
}

// TestTokenInTheEnvironment: a token that was given by hand proves a key that nobody has told of.
func TestTokenInTheEnvironment(t *testing.T) {
	f := startFarm(t, "--tls")
	laptop, token := t.TempDir(), f.adminToken()
	for _, at := range []string{f.client.Address(), strings.TrimPrefix(f.client.Address(), "https://")} {
		f.ok("jobs --json --master " + at + " --token " + token + " --data " + laptop)
		contains(t, f.fails(exitReach, "jobs --master "+at+" --token nr_wrong --data "+laptop), "does not know this token")
	}
}

// TestStrangerWithTheFarmsID: a server that says it is the farm's master gets no token, at whatever address.
func TestStrangerWithTheFarmsID(t *testing.T) {
	f := startFarm(t)
	laptop := t.TempDir()
	b, code := f.pairing(laptop, "--master", f.client.Address())
	f.ok("pair accept " + code)
	b.ends(t, exitDone)
	info, err := f.client.Info(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]bool{"as it is": false, "letting everybody in": true} {
		info.Open = open
		shown := make(chan string, 100)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a := r.Header.Get("Authorization"); a != "" {
				shown <- a
			}
			if strings.HasSuffix(r.URL.Path, "/info") {
				_ = json.NewEncoder(w).Encode(info)
				return
			}
			http.Error(w, "no", http.StatusNotFound)
		}))
		for _, line := range []string{
			"jobs --master " + s.URL + " --data " + laptop,
			"jobs --master " + s.URL + " --token nr_mine",
			"worker --fake-renderer 1s --master " + s.URL + " --token nr_mine --data " + t.TempDir(),
		} {
			contains(t, f.fails(exitReach, line), "cannot prove that it is")
		}
		s.Close()
		if len(shown) > 0 {
			t.Errorf("%s it was shown %q", name, <-shown)
		}
	}
	f.ok("jobs --master " + f.client.Address() + " --data " + laptop)
}

// TestSaidAtTheStart: that nothing is encrypted is said to people and in the log of programs.
func TestSaidAtTheStart(t *testing.T) {
	command(t, "version")
	for _, args := range [][]string{{}, {"--json"}} {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().String()
		l.Close()
		m := begin(t, t.Context(), append([]string{"master", "--listen", at, "--quiet-network", "--data", t.TempDir()}, args...)...)
		waitFor(t, "it is said", func() bool { return strings.Contains(m.err.String(), "WARNING: connections are not encrypted") })
		m.stop()
		m.ends(t, exitDone)
	}
}

// TestUpEncrypted: a farm of one machine, and its worker after the machine's tokens were lost.
func TestUpEncrypted(t *testing.T) {
	command(t, "version")
	data := t.TempDir()
	t.Setenv("NETRENDER_DATA", data)
	for range 2 {
		up := begin(t, t.Context(), "up", "--tls", "--listen", "127.0.0.1:0", "--quiet-network", "--json", "--fake-renderer", "1ms")
		waitFor(t, "it runs", func() bool { return strings.HasSuffix(up.out.String(), "}\n") })
		waitFor(t, "its worker is there", func() bool {
			out, _, _ := command(t, "workers", "--json")
			return strings.Contains(out, `"online":true`)
		})
		up.stop()
		up.ends(t, exitDone)
		if err := os.Remove(filepath.Join(data, tokensFile)); err != nil {
			t.Fatal(err)
		}
	}
}
