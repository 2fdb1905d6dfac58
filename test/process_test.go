//go:build unix

package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const cakeTemplate = `specificationVersion: jobtemplate-2023-09
name: cake
parameterDefinitions:
  - {name: Flour, type: PATH, objectType: FILE, dataFlow: IN}
  - {name: Table, type: PATH, dataFlow: OUT}
  - {name: Scratch, type: STRING}
  - {name: Frames, type: STRING}
jobEnvironments:
  - name: kitchen
    variables: {OVEN: "warm"}
    script:
      actions:
        onEnter: {command: sh, args: ["{{Env.File.enter}}"]}
        onExit: {command: sh, args: ["-c", "echo left >> {{Param.Scratch}}/left"]}
      embeddedFiles:
        - {name: enter, type: TEXT, data: "echo 'openjd_env: HEAT=200'\necho 'openjd_redacted_env: SECRET=swordfish'\necho entered >> {{Param.Scratch}}/entered\n"}
steps:
  - name: serve
    dependencies: [{dependsOn: mix}]
    script:
      actions:
        onRun: {command: sh, args: ["-c", "ls {{Param.Scratch}}/mixed > {{Param.Table}}/served.txt"]}
  - name: mix
    parameterSpace:
      taskParameterDefinitions:
        - {name: Frame, type: INT, range: "{{Param.Frames}}"}
    script:
      actions:
        onRun: {command: "{{Task.File.mix}}", args: ["{{Task.Param.Frame}}"], timeout: 60}
      embeddedFiles:
        - name: mix
          type: TEXT
          runnable: true
          data: |
            #!/bin/sh
            echo "the secret is $SECRET"
            mkdir -p {{Param.Scratch}}/mixed "$NETRENDER_OUTPUT/bowls"
            touch {{Param.Scratch}}/mixed/$1
            echo "$OVEN $HEAT $1 $(cat {{Param.Flour}})" > "$NETRENDER_OUTPUT/bowls/$1.txt"
`

// gone tells whether a process is no more.
func gone(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") // one that nobody has buried is no more, too
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func there(file string) bool {
	st, err := os.Stat(file)
	return err == nil && st.Size() > 0
}

const linkTemplate = `specificationVersion: jobtemplate-2023-09
name: links
steps:
  - name: plant
    parameterSpace: {taskParameterDefinitions: [{name: N, type: INT, range: "1-2"}]}
    script:
      actions: {onRun: {command: sh, args: ["{{Task.File.run}}"]}}
      embeddedFiles:
        - name: run
          type: TEXT
          data: |
            if [ {{Task.Param.N}} = 2 ]; then rm -r output && ln -s %[1]s output; exit; fi
            for n in 2 3 4; do ln -s %[1]s embedded-$n; done
            for f in cancel_info.json path-mapping.json; do ln -sf %[1]s/$f $f; done
`

// TestProcessLinks: a command may leave links where the worker writes next. They lead the worker nowhere.
func TestProcessLinks(t *testing.T) {
	t.Parallel()
	f := startFarm(t)
	f.ok("rules", "processes=on")
	f.worker("oak", "--fake-renderer", "10ms", "--allow-processes", "--confine", "never")
	outside, template := t.TempDir(), filepath.Join(t.TempDir(), "links.yaml")
	if err := os.WriteFile(template, fmt.Appendf(nil, linkTemplate, outside), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := f.run("run", template, "--attempts", "1", "-o", t.TempDir())
	if said := f.ok("job", "1"); code == 0 || !strings.Contains(said, "no plain file") { // the second task's output is a link
		t.Errorf("exit %d: %s\n%s", code, errs, said)
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("the worker followed a link and wrote %v", left)
	}
}

// TestProcessJobs has commands run on two workers, after it was refused for each of the reasons there are.
func TestProcessJobs(t *testing.T) {
	t.Parallel()
	f := startFarm(t)
	scratch, out := t.TempDir(), t.TempDir()
	shut := func(why string, env []string) {
		t.Helper()
		_, errs, code := run(t, env, "run", "--detach", "--", "true")
		if code != 3 || !strings.Contains(errs, why) {
			t.Fatalf("exit %d: %s", code, errs)
		}
	}
	shut("runs no commands", append(f.env(), "NETRENDER_DATA="+filepath.Join(f.data, "client")))
	f.ok("rules", "processes=on", "heartbeat_ms=200")
	if log := f.ok("audit"); !strings.Contains(log, "processes: true, was false") {
		t.Errorf("nobody noted that commands are allowed:\n%s", log)
	}
	var viewer struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal([]byte(f.ok("token", "create", "viewer", "--role", "view", "--json")), &viewer); err != nil || viewer.Secret == "" {
		t.Fatal("no token:", err)
	}
	shut("", []string{"NETRENDER_MASTER=" + f.url, "NETRENDER_TOKEN=" + viewer.Secret, "NETRENDER_DATA=" + t.TempDir()})

	ash := f.worker("ash", "--fake-renderer", "10ms")
	eventually(t, 20*time.Second, "ash is there", func() bool { return strings.Contains(f.ok("workers"), "ash") })
	id := strings.TrimSpace(f.ok("run", "--detach", "--", "true"))
	if why := f.ok("job", id, "--why"); !strings.Contains(why, "--allow-processes") {
		t.Errorf("it is not said why nobody runs the command:\n%s", why)
	}
	ash.kill()

	dirs := map[string]string{"oak": t.TempDir(), "elm": t.TempDir()}
	procs := map[string]*proc{}
	for name, dir := range dirs {
		procs[name] = f.workerIn(dir, name, "--fake-renderer", "10ms", "--allow-processes", "--confine", "never")
	}
	eventually(t, 20*time.Second, "the first job is done", func() bool { return f.job(id).State == "done" })

	template, flour := filepath.Join(scratch, "cake.yaml"), filepath.Join(scratch, "flour")
	for name, text := range map[string]string{template: cakeTemplate, flour: "rye"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	params := []string{"-p", "Flour=" + flour, "-p", "Scratch=" + scratch, "-p", "Frames=1-3,7", "-p", "Table=/nowhere/at/all"}
	if said := f.ok(append([]string{"run", "--check", template}, params...)...); !strings.Contains(said, "5 tasks in 2 steps") {
		t.Errorf("it is said: %s", said)
	}
	f.ok(append([]string{"run", template, "-o", out}, params...)...)
	for name, want := range map[string]string{"bowls/7.txt": "warm 200 7 rye\n", "bowls/1.txt": "warm 200 1 rye\n", "served.txt": "1\n2\n3\n7\n"} {
		if got, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
	if log := f.ok("logs", "2", "-f", "1"); !strings.Contains(log, "the secret is ********") || strings.Contains(log, "swordfish") {
		t.Errorf("the log is\n%s", log)
	}
	lines := func(name string) int {
		text, _ := os.ReadFile(filepath.Join(scratch, name))
		return strings.Count(string(text), "\n")
	}
	eventually(t, 10*time.Second, "every environment that was entered is left", func() bool { return lines("entered") > 0 && lines("left") == lines("entered") })
	if n := lines("entered"); n > 2 {
		t.Errorf("two workers entered the environment %d times", n)
	}

	// A task that fails once is done by the next try.
	f.ok("run", "-o", out, "--", "sh", "-c", "mkdir "+scratch+"/once && echo openjd_fail: the milk is sour; echo ok > $NETRENDER_OUTPUT/again.txt")
	said := procs["oak"].out.String() + procs["elm"].out.String()
	if !there(filepath.Join(out, "again.txt")) || !strings.Contains(said, "the command failed: the milk is sour") {
		t.Errorf("nobody says what failed, or there is no result:\n%s", said)
	}

	// A task is canceled with all that it started.
	child := filepath.Join(scratch, "child")
	nap := "sleep 1000 & echo $! > " + child + "; echo openjd_progress: 42; echo openjd_status: kneading; wait"
	id = strings.TrimSpace(f.ok("run", "--detach", "--", "sh", "-c", "sh -c '"+nap+"'"))
	eventually(t, 10*time.Second, "its progress is seen", func() bool {
		said := f.ok("job", id, "--json")
		return there(child) && strings.Contains(said, "kneading") && strings.Contains(said, "0.42")
	})
	f.ok("cancel", id)
	eventually(t, 10*time.Second, "its grandchild is gone", func() bool { return gone(t, child) })

	// A worker is killed; another one does it.
	_ = os.Remove(child)
	home := filepath.Join(scratch, "home")
	id = strings.TrimSpace(f.ok("run", "--detach", "--", "sh", "-c", "if mkdir "+scratch+"/first; then echo $HOME > "+home+"; sh -c '"+nap+"'; fi; true"))
	eventually(t, 10*time.Second, "it runs", func() bool { return there(child) && there(home) })
	text, err := os.ReadFile(home)
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range dirs {
		if strings.HasPrefix(string(text), dir) {
			procs[name].kill()
		}
	}
	eventually(t, 20*time.Second, "another worker did it", func() bool { return f.job(id).State == "done" })
	eventually(t, 10*time.Second, "what the killed one had started is gone", func() bool { return gone(t, child) })

	// A worker that confines what it runs keeps its owner's files from it.
	f.worker("fir", "--fake-renderer", "10ms", "--allow-processes")
	f.ok("run", "-o", out, "--allow", "fir", "--with", flour, "--", "sh", "-c", "cat "+f.data+"/admin-token > $NETRENDER_OUTPUT/stolen.txt; cat $NETRENDER_FILES/flour > $NETRENDER_OUTPUT/own.txt")
	if got, _ := os.ReadFile(filepath.Join(out, "own.txt")); string(got) != "rye" {
		t.Errorf("it read %q of what was sent along", got)
	}
	if confined := strings.Contains(f.ok("workers", "--json"), `"confined":true`); confined && there(filepath.Join(out, "stolen.txt")) {
		t.Error("a confined command read the admin's token")
	}
}
