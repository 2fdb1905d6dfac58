package master_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

func manifest(paths ...string) (files []farm.File) {
	for _, p := range paths {
		files = append(files, farm.File{Path: p, Ref: strings.Repeat("ab", 32)})
	}
	return files
}

func TestManifestsThatCannotBeLaidOut(t *testing.T) {
	for name, c := range map[string]struct {
		paths []string
		says  string // "": it can
	}{
		"plain":               {[]string{"a.blend", "tex/a.png", "tex/b.png", "Tex/c.png", "texture"}, ""},
		"twice":               {[]string{"a.blend", "x", "x"}, "x is named twice"},
		"case":                {[]string{"a.blend", "tex/Wood.png", "Tex/wood.PNG"}, "are one name on some systems"},
		"accents":             {[]string{"a.blend", "gr\u00f6n", "gro\u0308n"}, "are one name on some systems"},
		"a file and a folder": {[]string{"a.blend", "tex", "tex/a.png"}, "tex would be a file and, for tex/a.png, a folder"},
		"a folder and a file": {[]string{"a.blend", "a/b/c/d", "A/B"}, "A/B would be a file and, for a/b/c/d, a folder"},
		"out of it":           {[]string{"a.blend", "../x"}, "cannot be used"},
		"absolute":            {[]string{"a.blend", "/etc/passwd"}, "cannot be used"},
		"a drive":             {[]string{"a.blend", "C:/x"}, "cannot be used"},
		"a device":            {[]string{"a.blend", "tex/aux.png"}, "cannot be used"},
		"a NUL":               {[]string{"a.blend", "x\x00y"}, "cannot be used"},
		"10 kB":               {[]string{"a.blend", strings.Repeat("x", 10<<10)}, "cannot be used"},
		"10 kB in folders":    {[]string{"a.blend", strings.Repeat("x/", 5<<10) + "y"}, "cannot be used"},
		"no scene":            {[]string{"x"}, "is not in the manifest"},
	} {
		err := master.CheckManifest(&farm.JobSpec{Blend: "a.blend"}, manifest(c.paths...))
		if (err == nil) != (c.says == "") || err != nil && (farm.KindOf(err) != farm.Invalid || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 500) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManifestsWithAddons(t *testing.T) {
	one := 1
	for says, c := range map[string]struct {
		addons []string
		first  *int
	}{
		"":                      {addons: []string{"_addons/b.zip", "_addons/a.zip"}},
		"not in the manifest":   {addons: []string{"_addons/a.zip", "_addons/c.zip"}},
		"or named twice":        {addons: []string{"_addons/a.zip", "_addons/a.zip"}},
		"an add-on that should": {addons: []string{"_addons/a.zip"}, first: &one}, // some frames would lack it
	} {
		files := manifest("a.blend", "_addons/a.zip", "_addons/b.zip")
		files[1].First = c.first
		err := master.CheckManifest(&farm.JobSpec{Blend: "a.blend", Needs: farm.Needs{AddonFiles: c.addons}}, files)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

func TestManifestsWithColours(t *testing.T) {
	one := 1
	for _, c := range []struct {
		colours string
		first   *int
		bad     bool
	}{
		{colours: "c/config.ocio"},
		{colours: "c/other.ocio", bad: true},
		{colours: "c/config.ocio", first: &one, bad: true}, // some frames would lack it
	} {
		files := manifest("a.blend", "c/config.ocio")
		files[1].First = c.first
		err := master.CheckManifest(&farm.JobSpec{Blend: "a.blend", Options: farm.Options{Colours: c.colours}}, files)
		if (err != nil) != c.bad || err != nil && !strings.Contains(err.Error(), "colour configuration") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// FuzzManifest lays out what is let through, on a file system that takes names for one as others do.
func FuzzManifest(f *testing.F) {
	for _, seed := range []string{"a.blend\ntex/a.png\nTEX/A.PNG", "a.blend\ntex\ntex/a", "a.blend\n../x", "a.blend\ngr\u00f6n\ngro\u0308n", "a.blend\nCON\nx\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		paths := strings.Split(text, "\n")
		if len(paths) > 50 || master.CheckManifest(&farm.JobSpec{Blend: "a.blend"}, manifest(paths...)) != nil {
			return
		}
		dir := t.TempDir()
		for i, p := range paths {
			if _, err := blob.Join(dir, p); err != nil {
				t.Fatalf("%q was let through: %v", p, err)
			}
			full := filepath.Join(dir, filepath.FromSlash(blob.FoldPath(p)))
			if rel, err := filepath.Rel(dir, full); err != nil || !filepath.IsLocal(rel) {
				t.Fatalf("%q leads to %q", p, full)
			}
			err := os.MkdirAll(filepath.Dir(full), 0o755)
			var file *os.File
			if err == nil {
				file, err = os.OpenFile(full, os.O_CREATE|os.O_EXCL, 0o600)
			}
			if err != nil && strings.Contains(err.Error(), "too long") {
				return // folding made it longer; a disk that folds does not
			}
			if err != nil {
				t.Fatalf("entry %d of %q: %v", i, paths, err)
			}
			file.Close()
		}
	})
}

// TestResultsLandInTheirJobsFolder: links that somebody put there lead nobody out of it.
func TestResultsLandInTheirJobsFolder(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		elsewhere := t.TempDir()
		for name, link := range map[string]string{"a folder": "pic", "deep": "pic/deep", "the file": "pic/deep/1.png", "the job's": "."} {
			job := b.submit("1")
			folder := filepath.Join(b.dir, "outputs", job.Folder)
			target := elsewhere
			if name == "the file" {
				target = filepath.Join(elsewhere, "victim")
				if err := os.WriteFile(target, []byte("of somebody"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			at := filepath.Join(folder, link)
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.Symlink(target, at)); err != nil {
				t.Fatal(err)
			}
			g := b.claim(oak, 0)
			r := b.upload(g, 1, "pic/deep/1.png", "picture")
			v := b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = []farm.Result{r} })
			want(t, name+": accepted", v.Accepted, true)
			want(t, name+": state", b.job(job.ID).State, farm.Done)
			if st, err := os.Lstat(filepath.Join(folder, "pic", "deep", "1.png")); err != nil || !st.Mode().IsRegular() {
				t.Errorf("%s: the result is not in its place: %v", name, err)
			}
			entries, _ := os.ReadDir(elsewhere)
			for _, e := range entries {
				if text, err := os.ReadFile(filepath.Join(elsewhere, e.Name())); e.Name() != "victim" || string(text) != "of somebody" {
					t.Errorf("%s: it got out, into %s %v", name, e.Name(), err)
				}
			}
		}
	})
}

func TestLinksAmongResultsAreNotRead(t *testing.T) {
	inFarm(t, func(b *bench) {
		ctx := context.Background()
		job := b.submit("1")
		folder := filepath.Join(b.dir, "outputs", job.Folder)
		secret := filepath.Join(t.TempDir(), "secret")
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(secret, []byte("x"), 0o600), os.Symlink(secret, filepath.Join(folder, "1.png"))); err != nil {
			t.Fatal(err)
		}
		if _, err := b.m.OpenResult(ctx, job.ID, "1.png"); farm.KindOf(err) != farm.NotFound {
			t.Error("a link was read", err)
		}
		if err := errors.Join(os.RemoveAll(folder), os.Symlink(filepath.Dir(secret), folder)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.m.OpenResult(ctx, job.ID, "secret"); farm.KindOf(err) != farm.NotFound {
			t.Error("a folder that is a link was read", err)
		}
	})
}

// TestResultsThatCannotBeTakenFailTheirFrame, once, and with a sentence: a worker that sent them again would be stuck.
func TestResultsThatCannotBeTakenFailTheirFrame(t *testing.T) {
	inFarm(t, func(b *bench) {
		oak := b.worker("oak", 1)
		for name, c := range map[string]struct {
			names []string
			says  string
		}{
			"case":      {[]string{"A.png", "a.PNG"}, "A.png and a.PNG are one name on some systems"},
			"twice":     {[]string{"a.png", "a.png"}, "a.png is named twice"},
			"nested":    {[]string{"a", "a/b.png"}, "a would be a file and, for a/b.png, a folder"},
			"our own":   {[]string{"pic/.netrender-deleted"}, "the master's own"},
			"in a file": {[]string{"taken/1.png"}, "taken is a file there"},
			"a folder":  {[]string{"full"}, "full is a folder there"},
		} {
			job := b.submit("1")
			folder := filepath.Join(b.dir, "outputs", job.Folder)
			if err := errors.Join(os.MkdirAll(filepath.Join(folder, "full"), 0o755), os.WriteFile(filepath.Join(folder, "taken"), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			g := b.claim(oak, 0)
			if g == nil {
				t.Fatal(name, "no lease")
			}
			var results []farm.Result
			for i, n := range c.names {
				if name == "our own" {
					results = append(results, farm.Result{Kind: farm.KindOutput, Name: n, Ref: strings.Repeat("ab", 32), Size: 1, Frame: 1})
				} else {
					results = append(results, b.upload(g, 1, n, fmt.Sprintf("picture %d", i)))
				}
			}
			v := b.report(g, 1, farm.Rendered, func(rep *farm.Report) { rep.Results = results })
			want(t, name+": settled", v.Accepted, true)
			want(t, name+": done", b.job(job.ID).Done, 0)
			tried, err := b.m.Attempts(context.Background(), farm.AttemptFilter{Job: job.ID, Failed: true, Limit: 9})
			if err != nil || len(tried) != 1 || !strings.Contains(tried[0].Error, c.says) {
				t.Errorf("%s: %+v, %v", name, tried, err)
			}
			want(t, name+": state", b.job(job.ID).State, farm.Failed)
		}
	})
}
