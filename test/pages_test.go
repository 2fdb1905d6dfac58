package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// link asks the farm for a login link at an address.
func (f *farm) link(address string) string {
	f.t.Helper()
	out, errs, code := run(f.t, []string{"NETRENDER_TOKEN=" + f.token(), "NETRENDER_MASTER=" + address, "NETRENDER_DATA=" + f.t.TempDir()}, "login", "--json")
	var link struct {
		URL     string    `json:"url"`
		Expires time.Time `json:"expires"`
	}
	if code != 0 || json.Unmarshal([]byte(out), &link) != nil || !strings.HasPrefix(link.URL, strings.Split(address, "#")[0]+"/login/") {
		f.t.Fatalf("login: exit %d\n%s%s", code, out, errs)
	}
	if left := time.Until(link.Expires); left < 9*time.Minute || left > 11*time.Minute {
		f.t.Errorf("the link lives %s", left)
	}
	return link.URL
}

// TestPages walks through the pages as a person does: in by a link, looking, letting a newcomer in, steering, out.
func TestPages(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "100ms", "--fake-size", "320")
	job := f.submitFake("1-400", func(s *nr.JobSpec) { s.Name = "shot <b>1</b>" })

	b.visit(f.url)
	b.sees("netrender login")
	link := f.link(f.url)
	b.visit(link)
	b.sees("Log in to", "This link works once")
	b.visit(link) // looking at it does not use it up
	b.press("Log in")
	b.sees("In progress", "shot <b>1</b>", "oak", "1 job being rendered, 1 worker: 1 working.")
	if cookie := value[string](b, "document.cookie"); cookie != "" {
		t.Errorf("scripts can read the cookie %q", cookie)
	}
	other := openBrowser(t)
	other.visit(link)
	other.press("Log in")
	other.sees("used already")

	newcomer := start(t, []string{"NETRENDER_MASTER=" + f.url}, "worker", "--data", t.TempDir(), "--name", "elm", "--fake-renderer", "100ms")
	var code string
	eventually(t, 20*time.Second, "the newcomer shows its code", func() bool {
		if m := regexp.MustCompile(`pair accept (\S+)`).FindStringSubmatch(newcomer.out.String()); m != nil {
			code = m[1]
		}
		return code != ""
	})
	b.sees("elm asks to be let in") // the page came to it by itself
	b.visit(f.url + "/add-worker")
	b.sees(code)
	b.press("Accept")
	b.sees("elm is let in.")
	b.press("Home")
	b.sees("2 workers: 2 working")

	b.press("shot <b>1</b>")
	b.sees("Latest frames", "Being rendered")
	b.until("picture", `[...document.querySelectorAll(".pictures img")].some(i => i.complete && i.naturalWidth == 320)`)
	b.press("Pause")
	b.sees("paused by", "Resume")
	if j := f.job(job.ID.String()); j.State != "paused" {
		t.Errorf("the job is %s", j.State)
	}
	b.press("Resume")
	b.sees("active")
	b.field("Priority", "5")
	b.press("Save")
	b.until("priority", `[...document.querySelectorAll("dt")].find(e => e.textContent == "Priority")?.nextElementSibling.textContent == "5"`)
	b.press("Cancel")
	b.until("question", `(e => !!e && (e.click(), true))(document.querySelector("dialog button.danger"))`)
	b.sees("canceled by", "Let it go on")

	b.press("Workers")
	b.press("oak")
	b.sees("Machine", "Free disk")
	b.press("Disable")
	b.sees("disabled by")
	b.press("Workers")
	b.press("Add a worker")
	b.sees("netrender.exe worker --master '" + f.url + "'")

	checker := axe(t)
	for _, at := range []string{f.url + "/", f.url + "/plain?still", f.url + "/jobs/1", f.url + "/login/x", f.url + "/x"} {
		b.accessible(checker, at)
	}

	f.proc.kill() // a login is kept
	f.start()
	b.press("Jobs")
	b.sees("shot <b>1</b>", "canceled")
	b.press("Log out")
	b.sees("netrender login")
	b.visit(f.url + "/jobs")
	b.sees("netrender login")
}

// TestPagesFromAnotherMachine: over plain HTTP and an address that is not its own machine's, a browser leaves out where
// requests come from but for Origin, and over TLS the cookie has another name; buttons work all the same.
func TestPagesFromAnotherMachine(t *testing.T) {
	ip := ownAddress()
	if ip == "" {
		t.Skip("this machine has no address but its own")
	}
	for _, tls := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", tls), func(t *testing.T) {
			b := openBrowser(t)
			f := &farm{t: t, data: t.TempDir(), port: freePort(t)}
			args := []string{"--listen", fmt.Sprintf("0.0.0.0:%d", f.port)}
			if tls {
				args = append(args, "--tls")
			}
			f.start(args...)
			var note struct{ URL string }
			text, err := os.ReadFile(filepath.Join(f.data, "master.json"))
			if err != nil || json.Unmarshal(text, &note) != nil {
				t.Fatalf("%v %s", err, text)
			}
			f.url = strings.Replace(note.URL, "127.0.0.1", ip, 1)
			f.submitFake("1-3")
			b.visit(f.link(f.url))
			b.press("Log in")
			b.sees("In progress", "fake")
			b.press("fake")
			b.press("Pause")
			b.sees("paused by")
			b.press("Log out")
			b.sees("netrender login")
		})
	}
}

// TestLoginLinksDoNotLieInLogs: a link is printed where nobody looks only when it was asked for.
func TestLoginLinksDoNotLieInLogs(t *testing.T) {
	f := startFarm(t)
	eventually(t, 10*time.Second, "the master greets", func() bool { return strings.Contains(f.proc.out.String(), "Ctrl-C stops") })
	if strings.Contains(f.proc.out.String(), "/login/") {
		t.Error("the master printed a link")
	}
	for _, more := range [][]string{{"--login-link"}, {"--login-link", "--json"}} {
		f.proc.kill()
		f.start(more...)
		var link string
		eventually(t, 10*time.Second, "the master prints a link", func() bool {
			link = regexp.MustCompile(regexp.QuoteMeta(f.url) + `/login/[\w-]{32}`).FindString(f.proc.stdout.String())
			return link != ""
		})
		resp, err := http.PostForm(f.url+"/login", url.Values{"link": {link[strings.LastIndexByte(link, '/')+1:]}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden { // it says not where it comes from
			t.Errorf("a form of nowhere: %s", resp.Status)
		}
	}
	list := f.ok("login", "list")
	if !strings.Contains(list, "No browser") {
		t.Errorf("logins: %s", list)
	}
}
