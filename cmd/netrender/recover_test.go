package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/store"
)

// damagedFarm is a data folder whose database has lost the page of its workers.
func damagedFarm(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	dir := filepath.Join(data, masterDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, databaseFile)
	s, err := store.OpenSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	j := farm.Job{ID: 7, State: farm.Queued, Folder: "shot-7", JobSpec: farm.JobSpec{Name: "shot", Blend: "shot.blend", Frames: farm.FrameRange(1, 5, 1), Chunk: 1}}
	j.Scene = farm.SceneKey(&j.JobSpec, nil)
	err = s.Apply(context.Background(), []farm.Change{farm.JobAdd{Job: j}, farm.WorkerSet{Worker: farm.Worker{ID: "worker-of-the-lost-page"}}})
	s.Close()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	at := bytes.Index(b, []byte("worker-of-the-lost-page")) / page * page
	clear(b[at : at+page])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRecoverBrokenOff: killed at any step, a recovery run once more ends well, and the damaged database is kept.
func TestRecoverBrokenOff(t *testing.T) {
	command(t, "version") // an environment without settings
	for name, steps := range map[string]func(r *replacement){
		"before anything": func(*replacement) {},
		"half moved away": func(r *replacement) { _ = r.setAside(filepath.Join(masterDir, databaseFile)) },
		"all moved away": func(r *replacement) {
			_ = r.setAside(filepath.Join(masterDir, databaseFile))
			_ = r.setAside(filepath.Join(masterDir, databaseFile+"-wal"))
		},
		"the new one in place": func(r *replacement) {
			_ = r.setAside(filepath.Join(masterDir, databaseFile))
			_ = os.WriteFile(filepath.Join(r.data, masterDir, databaseFile), []byte("the new one"), 0o600)
		},
	} {
		data := damagedFarm(t)
		path := filepath.Join(data, masterDir, databaseFile)
		damaged, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := beginReplacement(data, recoverCommand, time.Unix(1_790_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		steps(r)
		if _, errs, code := command(t, "master", "--data", data, "--listen", "127.0.0.1:0", "--quiet-network"); code != 1 || !strings.Contains(errs, "netrender recover was broken off") {
			t.Errorf("%s: a master: exit %d: %s", name, code, errs)
		}
		out, errs, code := command(t, "recover", "--data", data)
		if code != 0 || !strings.Contains(out, "is sound again: 1 job") || !strings.Contains(out, "of workers: 1 page could not be read") {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
		}
		if err := store.Sound(context.Background(), path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kept, _ := filepath.Glob(filepath.Join(data, asidePrefix+"*", masterDir, databaseFile))
		if len(kept) != 1 {
			t.Fatalf("%s: %q", name, kept)
		}
		if b, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(b, damaged) {
			t.Errorf("%s: the damaged database was changed: %v", name, err)
		}
	}
	// A restore that was broken off is not for recover to end.
	data := damagedFarm(t)
	if _, err := beginReplacement(data, restoreCommand, time.Unix(1_790_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "recover", "--data", data); code != 1 || !strings.Contains(errs, "netrender restore was broken off") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
