package store_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/netrender/netrender/internal/store"
	"github.com/netrender/netrender/internal/store/storetest"
)

// A test binary with this flag is the process that is killed.
var victim = flag.String("victim", "", "write to the database of this `path` until killed")

func TestMain(m *testing.M) {
	flag.Parse()
	if *victim == "" {
		store.InspectFast()
		os.Exit(m.Run())
	}
	s, err := store.OpenSQLite(ctx, *victim)
	if err == nil {
		err = storetest.WriteUntilKilled(s, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "farm.db")
	storetest.Kill(t, func(t *testing.T) storetest.Store { return open(t, path) }, func(t *testing.T) (io.Reader, func()) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-victim", path)
		cmd.Stdout, cmd.Stderr = w, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		t.Cleanup(func() { r.Close() })
		return r, func() {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
}
