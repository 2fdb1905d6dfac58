//go:build linux

package soak

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // to look into the database
)

// finish ends the farm in good order and looks at what is left.
func (r *run) finish() {
	for _, a := range r.actors {
		if a != r.master {
			a.close(true)
		}
	}
	for _, a := range r.actors {
		if a != r.master && !doneWithin(func() { <-a.over }, time.Minute) {
			r.failf("worker %s does not end", a.name)
		}
	}
	r.master.close(true)
	if !doneWithin(func() { <-r.master.over }, time.Minute) {
		r.failf("the master does not end")
	}
	for _, d := range []string{filepath.Dir(r.masterDir()), r.disks["users"].dir} {
		for name := range hashesBelow(d) {
			if base := filepath.Base(name); strings.HasPrefix(base, ".tmp") || strings.HasPrefix(base, "part-") || strings.HasPrefix(base, ".netrender") || strings.HasPrefix(base, ".fetch-") {
				r.failf("%s was left behind in %s", name, d)
			}
		}
	}
	for _, p := range processes(func(exe, cmdline string) bool { return exe == program || strings.Contains(cmdline, r.dir) }) {
		r.failf("a process is left: %s", p)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.masterDir(), "netrender.db")+"?mode=ro")
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		r.failf("the database is damaged: %s, %v", said, err)
	}
}

// processes are those of this machine that fit, without this one and those that it descends from.
func processes(fits func(exe, cmdline string) bool) (list []string) {
	own := map[string]bool{}
	for pid := os.Getpid(); pid > 1; pid = parentOf(pid) {
		own[strconv.Itoa(pid)] = true
	}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil || own[filepath.Base(dir)] {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if cmdline := strings.ReplaceAll(string(text), "\x00", " "); fits(exe, cmdline) {
			list = append(list, filepath.Base(dir)+" "+cmdline)
		}
	}
	return list
}
