package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// objects reads lines that must each be a JSON object.
func objects(t *testing.T, what, text string) (list []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Errorf("%s prints what is no JSON: %v in %q", what, err, line)
			continue
		}
		list = append(list, o)
	}
	return list
}

// wordsOnly are the commands that print no values, and why.
var wordsOnly = map[string]string{
	"completion": "prints a script for a shell",
	"help":       "prints what people read",
}

// TestJSON runs every command with --json against a farm: each line it prints is an object. That no command was
// forgotten is known from the page of commands, which is made from them.
func TestJSON(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", fastFake...)
	elm := f.worker("elm", fastFake...)
	eventually(t, 20*time.Second, "the workers are there", func() bool {
		return strings.Count(f.ok("workers", "--json"), `"online":true`) == 2
	})
	tried := map[string]bool{}
	try := func(least int, words ...string) []map[string]any {
		t.Helper()
		name := words[0]
		if len(words) > 1 && regexp.MustCompile("^(token|pair|bench|login|notify)$").MatchString(name) && !strings.HasPrefix(words[1], "-") {
			name += " " + words[1]
		}
		tried[name] = true
		out, errs, code := f.run(append(words, "--json")...)
		if code != 0 {
			t.Errorf("netrender %s --json: exit %d\n%s%s", strings.Join(words, " "), code, out, errs)
		}
		list := objects(t, strings.Join(words, " "), out)
		if len(list) < least {
			t.Errorf("netrender %s --json prints %d objects, not %d:\n%s", strings.Join(words, " "), len(list), least, out)
		}
		objects(t, "on the error output "+strings.Join(words, " "), errs)
		return list
	}
	done := func(id string) {
		t.Helper()
		eventually(t, time.Minute, "job "+id+" is done", func() bool { return f.job(id).State == "done" })
	}

	f.submitFake("1-4")
	done("1")
	dir := t.TempDir()
	try(1, "version")
	try(1, "addon", "-o", filepath.Join(dir, "addon.zip"), "--no-program")
	try(1, "jobs")
	try(1, "job", "1", "--why")
	try(1, "watch", "1")
	try(1, "logs", "1", "-f", "1-4")
	try(4, "fetch", "1", "-o", dir)
	try(5, "fetch", "1", "-o", dir, "--follow")
	try(1, "fetch", "1", "--zip", filepath.Join(dir, "frames.zip"))
	try(2, "workers")
	if h := try(1, "workers", "oak", "--history"); h[0]["step_ms"] != 60000.0 {
		t.Errorf("the history of a worker: %v", h)
	}
	try(0, "masters") // none that announces itself
	if out, errs, code := run(t, append(f.env(), "NETRENDER_DATA="+f.data), "masters", "--json"); code != 0 || len(objects(t, "masters", out)) < 1 {
		t.Errorf("netrender masters --json where the master's data are: exit %d\n%s%s", code, out, errs) // though it does not announce itself
	}
	if s := try(1, "status"); s[0]["workers"].(map[string]any)["online"] != 2.0 {
		t.Errorf("netrender status --json: %v", s)
	}
	try(1, "rules")
	if s := try(1, "statistics", "--by", "owner"); s[0]["total"].(map[string]any)["done"] != 4.0 {
		t.Errorf("netrender statistics --json: %v", s)
	}
	if p := try(1, "rules", "--preview", "cap=0.5"); p[0]["same"] != false {
		t.Errorf("netrender rules --preview --json: %v", p)
	}
	if about := try(1, "about"); about[0]["database"].(map[string]any)["engine"] != "SQLite" || about[0]["data_folder"] == nil {
		t.Errorf("netrender about --json: %v", about)
	}
	try(1, "clean")
	try(1, "verify")
	try(1, "rules", "attempts=4")
	try(1, "audit")
	shot := filepath.Join(dir, "shot.nrz")
	try(1, "archive", "1", "-o", shot)
	try(1, "import", shot)
	f.ok("delete", "2", "-y")
	kept, again := filepath.Join(dir, "farm.tar"), t.TempDir()
	try(1, "backup", "-o", kept, "--with-files")
	try(1, "restore", kept, "--data", again)
	try(1, "recover", "--data", again)
	try(1, "set", "1", "name=film")
	try(1, "retry", "1", "--all")
	done("1")
	f.ok("worker-set", "oak", "enabled=no")
	f.ok("worker-set", "elm", "enabled=no")
	f.submitFake("5-9")
	try(1, "pause", "3")
	try(1, "resume", "3")
	try(1, "set", "3", "priority=7")
	try(1, "cancel", "3")
	try(1, "delete", "3", "-y")
	elm.kill()
	try(1, "worker-set", "oak", "enabled=yes", "tags=gpu")
	try(1, "worker-set", "elm", "delete")
	looked := filepath.Join(dir, "looked.blend")
	if err := os.WriteFile(looked, []byte("BLENDER-v405RENDH, as far as a fake worker can tell"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := try(1, "inspect", looked); p[0]["inspection"] == nil || p[0]["errors"] != nil {
		t.Errorf("netrender inspect --json: %v", p)
	}
	if list := try(0, "jobs", "--inspections"); len(list) > 0 {
		t.Errorf("the inspection is still there: %v", list)
	}
	made := try(1, "token", "create", "anna")
	try(1, "token", "list")
	try(1, "token", "revoke", made[0]["id"].(string))

	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	target := try(1, "notify", "add", "pipeline", hook.URL, "--events", "job.done")[0]["id"].(string)
	try(1, "notify", "list")
	try(1, "notify", "set", target, "owner=anna", "secret=new")
	if said := try(1, "notify", "test", target); said[0]["ok"] != true {
		t.Errorf("netrender notify test --json: %v", said)
	}
	try(1, "notify", "log")
	try(1, "notify", "remove", target)

	for _, answer := range []string{"accept", "refuse"} {
		p := start(t, nil, "pair", "--json", "--master", f.url, "--data", t.TempDir())
		tried["pair"] = true
		eventually(t, 20*time.Second, "a code is shown", func() bool { return strings.Contains(p.stdout.String(), "\n") })
		code := objects(t, "pair", p.stdout.String())[0]["code"].(string)
		try(1, "pair", "list")
		try(1, "pair", answer, code)
		if exit := p.wait(20 * time.Second); exit != map[string]int{"accept": 0, "refuse": 3}[answer] {
			t.Errorf("pair ends with %d", exit)
		}
		objects(t, "pair", p.stdout.String())
	}

	link := try(1, "login")[0]["url"].(string)
	form := url.Values{"link": {link[strings.LastIndex(link, "/")+1:]}}
	visit, err := http.NewRequest(http.MethodPost, f.url+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	visit.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	visit.Header.Set("Origin", f.url)
	resp, err := http.DefaultClient.Do(visit)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	logins := try(1, "login", "list")
	try(1, "login", "end", logins[0]["id"].(string))

	// Those that run on.
	for name, args := range map[string][]string{
		"master": {"--listen", "127.0.0.1:0", "--quiet-network"},
		"up":     {"--listen", "127.0.0.1:0", "--quiet-network", "--fake-renderer", "20ms"},
	} {
		p := start(t, nil, append([]string{name, "--json", "--data", t.TempDir()}, args...)...)
		tried[name] = true
		eventually(t, 20*time.Second, name+" says where it runs", func() bool { return strings.Contains(p.stdout.String(), "\n") })
		if list := objects(t, name, p.stdout.String()); list[0]["url"] == "" {
			t.Errorf("%s says %v", name, list)
		}
		p.kill()
	}
	p := start(t, nil, "worker", "--json", "--data", t.TempDir(), "--master", f.url, "--fake-renderer", "20ms")
	tried["worker"] = true
	eventually(t, 20*time.Second, "the worker shows a code", func() bool { return strings.Contains(p.stdout.String(), "\n") })
	objects(t, "worker", p.stdout.String())

	try(1, "rules", "processes=on")
	try(1, "run", "--detach", "-f", "1-2", "--", "true")

	out, _, _ := f.run("doctor", "--json", "--quick", "--blender", "/nowhere/blender")
	tried["doctor"] = true
	if list := objects(t, "doctor", out); len(list) < 5 {
		t.Errorf("doctor says %v", list)
	}
	try(1, "bench", "dispatch", "--workers", "2", "--tasks", "20")
	try(1, "bench", "idle", "--workers", "2", "--for", "100ms")
	try(1, "bench", "start", "--jobs", "10", "--frames", "100")
	try(1, "bench", "project", "--size", "1MB", "--files", "2")
	try(1, "bench", "saves", program, program)

	t.Run("scenes", func(t *testing.T) {
		blend := copyOf(t, "tiny.blend")
		for name, least := range map[string]int{"check": 1, "submit": 1, "render": 4} {
			args := []string{name, blend, "-f", "1-2", "--json", "--data", sharedData()}
			if name == "render" {
				args = append(args, "-o", t.TempDir())
			}
			out, errs, code := f.run(args...)
			if list := objects(t, name, out); code != 0 || len(list) < least {
				t.Errorf("%s: exit %d, %d objects\n%s%s", name, code, len(list), out, errs)
			}
			objects(t, "on the error output "+name, errs)
		}
	})
	tried["check"], tried["submit"], tried["render"], tried["bench render"] = true, true, true, true // the last takes minutes

	page, err := os.ReadFile(filepath.Join("..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^### netrender (.+)\n\n```").FindAllStringSubmatch(string(page), -1) {
		if !tried[m[1]] && wordsOnly[m[1]] == "" {
			t.Errorf("netrender %s was not tried with --json", m[1])
		}
	}
}
