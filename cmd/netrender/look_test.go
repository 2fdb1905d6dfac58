package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// lines reads newline-delimited JSON.
func lines[T any](t *testing.T, text string) (list []T) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		list = append(list, v)
	}
	return list
}

// TestWatch follows a job to its end, by words and as JSON, and says how one stands that has ended.
func TestWatch(t *testing.T) {
	f := startFarm(t)
	job := f.submit("1-4", false)
	f.ok("pause 1")
	words, stream := begin(t, f.ctx, "watch", "1"), begin(t, f.ctx, "watch", "1", "--json")
	waitFor(t, "both watch", func() bool {
		return strings.Contains(words.out.String(), "job 1 paused: paused by admin  (0/4)") && strings.Contains(stream.out.String(), `"paused"`)
	})
	f.worker("oak", time.Millisecond)
	f.ok("resume 1")
	f.until(job.ID, farm.Done)
	for _, b := range []*background{words, stream} {
		if code := <-b.done; code != exitDone {
			t.Errorf("exit %d", code)
		}
	}
	said := words.out.String()
	contains(t, said, "job 1 frame 4 done  (", "(4/4)", "job 1 done")
	if strings.Contains(said, "lost") || strings.Contains(said, "0001") {
		t.Errorf("nothing was lost:\n%s", said)
	}
	events := lines[farm.Event](t, stream.out.String())
	for i, ev := range events {
		if ev.Kind == farm.EventLost || ev.Time.Year() < 2000 {
			t.Errorf("event %d is %+v", i, ev)
		}
	}
	if last := events[len(events)-1]; last.Kind != farm.EventJob || last.State != "done" {
		t.Errorf("the last event is %+v", last)
	}

	// A job that has ended.
	contains(t, f.ok("watch 1"), "job 1 done  (4/4)")
	if events := lines[farm.Event](t, f.ok("watch 1 --json")); len(events) != 1 || events[0].State != "done" || events[0].Progress.Done != 4 {
		t.Errorf("%+v", events)
	}
	f.submit("1-4", true)
	f.ok("cancel 2")
	out, errs, code := command(t, "watch", "2", "--json")
	if events := lines[farm.Event](t, out); code != exitFailed || errs != "" || len(events) != 1 || events[0].State != "canceled" {
		t.Errorf("exit %d %+v %s", code, events, errs)
	}
	contains(t, f.fails(exitFailed, "watch 2"), "job 2 was canceled")
}

// Whoever breaks off a watch gets 130, of the farm as of a job.
func TestInterruptedWatch(t *testing.T) {
	f := startFarm(t)
	f.submit("1-4", true)
	for _, words := range [][]string{{"watch"}, {"watch", "1"}, {"watch", "--json"}} {
		b := begin(t, f.ctx, words...)
		waitFor(t, "it watches", func() bool {
			f.ok("set 1 priority=2") // makes an event
			return b.out.String() != ""
		})
		b.stop()
		if code := <-b.done; code != exitInterrupted || b.err.String() != "" {
			t.Errorf("%q: exit %d %s", words, code, b.err.String())
		}
		b.done <- 0
	}
}

func TestLogs(t *testing.T) {
	f := startFarm(t)
	f.submit("1-3", false)
	contains(t, f.fails(exitFailed, "logs 1"), "nothing of job 1 was rendered yet")
	errs := f.fails(exitFailed, "logs 1 -f 1-3")
	contains(t, errs, "there are no logs of frames 1-3 of job 1 yet")
	plain(t, errs)
	contains(t, f.fails(exitUsage, "logs 1 -f 1,9"), "job 1 has no frame 9")

	f.worker("oak", 400*time.Millisecond)
	waitFor(t, "a frame is rendered", func() bool { return f.job(1).State == farm.Active })
	follow := begin(t, f.ctx, "logs", "1", "-f", "1", "--follow")
	if code := <-follow.done; code != exitDone {
		t.Errorf("exit %d", code)
	}
	contains(t, follow.out.String(), "Sample 0/4", "Sample 3/4", "Saved: frame 1")
	if strings.Count(follow.out.String(), "Sample 0/4") != 1 {
		t.Errorf("something was said twice:\n%s", follow.out.String())
	}
	f.until(1, farm.Done)
	text := f.ok("logs 1 -f 1-3")
	contains(t, text, "== frame 1\n", "Saved: frame 1", "== frame 3\n", "Saved: frame 3")
	contains(t, f.ok("logs 1"), "Saved: frame 3")
	for _, part := range lines[struct {
		Frame int
		Text  string
	}](t, f.ok("logs 1 -f 1-3 --json")) {
		if part.Frame < 1 || part.Frame > 3 || part.Text == "" {
			t.Errorf("%+v", part)
		}
	}
}

func TestFetch(t *testing.T) {
	f := startFarm(t)
	w := f.worker("oak", time.Millisecond)
	job := f.submit("1-8", false)
	f.until(job.ID, farm.Done)
	w.stop()
	<-w.done
	w.done <- 0
	dir := filepath.Join(t.TempDir(), "home")
	there := func(n int) {
		t.Helper()
		list, _ := filepath.Glob(filepath.Join(dir, "*"))
		var files []string
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				files = append(files, path)
			}
			return nil
		})
		if len(files) != 2*n { // an EXR and a picture each
			t.Errorf("%d files of %d frames: %q", len(files), n, list)
		}
	}
	_, errs, code := command(t, "fetch", "1", "-o", dir, "-f", "2-3")
	if code != exitDone {
		t.Fatalf("exit %d %s", code, errs)
	}
	contains(t, errs, "2 of 2 frames here")
	there(2)
	for _, frames := range []string{"100", "3,100-102"} {
		errs := f.fails(exitUsage, "fetch 1 -f "+frames+" -o "+dir)
		contains(t, errs, "job 1 has no frame 100", "its frames are 1-8")
		plain(t, errs)
	}
	there(2)
	f.ok("fetch 1 -o " + dir)
	there(8)

	// Some of its frames are not there yet.
	f.ok("retry 1 -f 4-5")
	errs = f.fails(exitFailed, "fetch 1 -o "+dir)
	contains(t, errs, "6 of 8 frames here", "2 frames of job 1 are not rendered yet: 4-5", "netrender fetch 1 -o "+dir+" --follow")
	contains(t, f.fails(exitFailed, "fetch 1 -f 3-4 -o "+dir), "1 frame of job 1 is not rendered yet: 4", "-f 3-4 --follow")
	f.ok("fetch 1 -f 1-3 -o " + dir)
	packed := filepath.Join(t.TempDir(), "shot.zip")
	f.ok("fetch 1 -f 1-3 --zip " + packed)
	entries := func() (names []string) {
		z, err := zip.OpenReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, e := range z.File {
			names = append(names, path.Base(e.Name))
		}
		return names
	}
	if got := entries(); len(got) != 6 {
		t.Errorf("of 3 frames the zip holds %q", got)
	}
	contains(t, f.fails(exitFailed, "fetch 1 --zip "+packed), "is there already")
	contains(t, f.fails(exitFailed, "fetch 1 --force --zip "+packed), "6 of 8 frames here", "netrender watch 1 waits")
	if got := entries(); len(got) != 12 {
		t.Errorf("of 6 frames the zip holds %q", got)
	}
	contains(t, f.fails(exitUsage, "fetch 1 -o x --zip "+packed), "leave out -o")

	// --follow ends when the frames that were asked for are here, whatever else the job has to do.
	f.ok("pause 1")
	contains(t, f.fails(exitFailed, "fetch 1 -o "+dir), "netrender resume 1")
	f.ok("fetch 1 -f 6-8 --follow -o " + dir)
	waits := begin(t, f.ctx, "fetch", "1", "-f", "4", "--follow", "-o", filepath.Join(dir, "other"))
	f.ok("resume 1")
	f.worker("elm", time.Millisecond)
	if code := <-waits.done; code != exitDone {
		t.Errorf("exit %d %s", code, waits.err.String())
	}
	contains(t, waits.err.String(), "frame 4  (1/1)")
}

// TestFetchTellsOfBytes: what is fetched is told, and what is here already is not counted.
func TestFetchTellsOfBytes(t *testing.T) {
	f := startFarm(t)
	f.worker("oak", time.Millisecond, "--fake-size", "1024")
	f.submit("1-2", false)
	f.until(1, farm.Done)
	dir := t.TempDir()
	_, errs, code := command(t, "fetch", "1", "-o", dir)
	if code != exitDone {
		t.Fatalf("exit %d %s", code, errs)
	}
	contains(t, errs, "fetching: ", " MB")
	if _, errs, _ = command(t, "fetch", "1", "-o", dir); strings.Contains(errs, "fetching") {
		t.Errorf("all was here already:\n%s", errs)
	}
}

// TestMissingFilesAreNamed: a job that waits for files says for which.
func TestMissingFilesAreNamed(t *testing.T) {
	f := startFarm(t)
	f.submit("1-4", true)
	contains(t, f.ok("job 1"), "collecting", "missing    /x/shot.blend ("+size(int64(len(sceneText)))+")")
	views := lines[jobView](t, f.ok("job 1 --json"))
	if len(views) != 1 || len(views[0].Missing) != 1 || views[0].Missing[0].Path != "shot.blend" || views[0].Missing[0].Size != int64(len(sceneText)) {
		t.Errorf("%+v", views)
	}
	f.submit("1-4", false)
	if text := f.ok("job 1"); strings.Contains(text, "missing") {
		t.Errorf("it is there now:\n%s", text)
	}
}

func TestPairing(t *testing.T) {
	f := startFarm(t)
	contains(t, f.ok("pair list"), "Nobody asks")
	home := ""
	ask := func(role string) (*background, string) {
		home = t.TempDir()
		b := begin(t, f.ctx, "pair", "--json", "--role", role, "--master", f.client.Address(), "--data", home)
		waitFor(t, "a code is shown", func() bool { return strings.Contains(b.out.String(), "\n") })
		said := lines[struct{ Code string }](t, b.out.String())
		return b, said[0].Code
	}
	refused, code := ask("view")
	contains(t, f.ok("pair list"), code, "view", "127.0.0.1")
	if list := lines[farm.Pairing](t, f.ok("pair list --json")); len(list) != 1 || list[0].Code != code || list[0].State != farm.PairWaiting {
		t.Errorf("%+v", list)
	}
	contains(t, f.ok("pair refuse "+code), "is refused as view")
	if got := <-refused.done; got != exitReach {
		t.Errorf("who was refused ends with %d", got)
	}
	contains(t, refused.err.String(), "refused this machine")
	refused.done <- 0
	accepted, code := ask("submit")
	contains(t, f.ok("pair accept "+code), "is accepted as submit")
	if got := <-accepted.done; got != exitDone {
		t.Errorf("who was accepted ends with %d", got)
	}
	accepted.done <- 0
	// From then on the master is found where it was, although nobody announces it.
	f.ok("jobs --data " + home)
	worker := t.TempDir()
	paired := begin(t, f.ctx, "pair", "--json", "--role", "worker", "--master", f.client.Address(), "--data", worker)
	waitFor(t, "a code is shown", func() bool { return strings.Contains(paired.out.String(), "\n") })
	f.ok("pair accept " + lines[struct{ Code string }](t, paired.out.String())[0].Code)
	<-paired.done
	paired.done <- 0
	begin(t, f.ctx, "worker", "--name", "oak", "--data", worker, "--fake-renderer", "1ms", "--fake-size", "4")
	waitFor(t, "the worker is there", func() bool { return f.seen("oak").Online })
	contains(t, f.ok("pair list"), "Nobody asks")
	contains(t, f.fails(exitFailed, "pair refuse "+code), code)
	if bytes.Contains([]byte(f.ok("token list")), []byte("view")) {
		t.Error("who was refused has a token")
	}
}

// Reasons that many workers share are said once.
func TestSameReasons(t *testing.T) {
	why := []farm.Reason{{Text: "the job is paused"}}
	if got := sameReasons(why); len(got) != 1 || got[0] != "farm: the job is paused" {
		t.Errorf("%q", got)
	}
	why = nil
	for _, name := range strings.Fields("ash elm fir oak yew box ivy") {
		why = append(why, farm.Reason{Worker: name, Text: "it lacks the tag big"})
	}
	why = append(why, farm.Reason{Worker: "zelkova", Text: "it works for this job now"})
	got := sameReasons(why)
	if len(got) != 2 || got[0] != "ash, elm, fir, oak, yew, 2 more: it lacks the tag big" || got[1] != "zelkova: it works for this job now" {
		t.Errorf("%q", got)
	}
}

// What is known of who could render a job is told before it is sent.
func TestFarmThatCannotRenderIt(t *testing.T) {
	f := startFarm(t)
	plan := &client.Plan{Spec: farm.JobSpec{Needs: farm.Needs{Tags: []string{"big"}}}}
	said := func(asJSON bool) string {
		t.Helper()
		var out, errs bytes.Buffer
		a := &app{streams: streams{nil, &out, &errs}, json: asJSON}
		if err := a.checkFarm(f.ctx, f.client, plan); err != nil {
			t.Fatal(err)
		}
		return out.String() + errs.String()
	}
	contains(t, said(false), "no worker is online; the job waits for one")
	f.worker("elm", time.Millisecond)
	contains(t, said(false), "no worker that is online can render this", "elm: it lacks the tag big")
	f.worker("oak", time.Millisecond)
	contains(t, said(false), "elm and 1 other: it lacks the tag big")
	if notes := lines[map[string]any](t, said(true)); len(notes) != 1 {
		t.Errorf("%v", notes)
	}
	f.worker("yew", time.Millisecond, "--tags", "big")
	if text := said(false); text != "" {
		t.Errorf("yew can: %s", text)
	}
}
