package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// workerPage is one worker.
type workerPage struct {
	shell
	Row    workerRow
	Facts  farm.Facts
	Memory string
	Disk   string
	Used   string // memory in use
	Tags   string
	Idle   string // why it asks for no frames
	Since  moment
}

func (p *Pages) worker(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	v, err := p.m.Worker(r.Context(), farm.WorkerID(r.PathValue("id")))
	if farm.KindOf(err) == farm.NotFound {
		return farm.Errorf(farm.NotFound, "there is no such worker").WithHint("it may have been deleted; the status page lists those that are there")
	}
	if err != nil {
		return err
	}
	page := workerPage{
		shell: p.alive(r, who, v.Worker.Name, "status", reloadEvery), Row: p.workerRows([]master.WorkerView{v}, nil)[0], Facts: v.Worker.Facts,
		Memory: megabytes(v.Worker.Facts.MemoryMB), Disk: megabytes(v.Worker.Facts.DiskMB), Tags: strings.Join(v.Worker.Tags, ", "),
		Since: p.moment(v.Worker.Registered),
	}
	if v.Online {
		if v.Load.DiskMB > 0 {
			page.Disk = megabytes(v.Load.DiskMB)
		}
		page.Used = megabytes(v.Load.MemoryMB)
		page.Idle = v.Load.Idle
	}
	for k := range page.Row.Tasks {
		t := &page.Row.Tasks[k]
		if j, err := p.m.Job(r.Context(), t.Job); err == nil {
			t.JobName = j.Name
		}
	}
	return p.show(w, http.StatusOK, "worker", page)
}

// addWorkerPage has the commands that make a machine a worker.
type addWorkerPage struct {
	shell
	Address  string
	Others   []string // addresses to try when that one does not answer
	Waiting  []waiting
	TLS      bool
	Commands []command
}

// command is what to paste on a system.
type command struct{ System, Shell, Text string }

func (p *Pages) addWorker(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	page := addWorkerPage{shell: p.shell(r, who, "Add a worker", "add")}
	page.Address, page.Others = best(p.opt.Addresses(), r.Host)
	page.TLS = strings.HasPrefix(page.Address, "https:")
	page.Commands = []command{
		{"Linux", "In a terminal, in the folder with the program", "chmod +x netrender\n./netrender worker --master '" + page.Address + "'"},
		{"macOS", "In Terminal, in the folder with the program", "xattr -d com.apple.quarantine netrender\nchmod +x netrender\n./netrender worker --master '" + page.Address + "'"},
		{"Windows", "In PowerShell, in the folder with the program", ".\\netrender.exe worker --master '" + page.Address + "'"},
	}
	if page.Admin() {
		var err error
		if page.Waiting, err = p.waiting(r.Context()); err != nil {
			return err
		}
	}
	return p.show(w, http.StatusOK, "add", page)
}

// best picks the address at which the browser found the master, for others may find it there, too; else the first.
func best(addresses []string, host string) (first string, others []string) {
	at := slices.IndexFunc(addresses, func(a string) bool {
		u, err := url.Parse(a)
		return err == nil && u.Host == host
	})
	for i, a := range addresses {
		if i == max(at, 0) {
			first = a
		} else {
			others = append(others, a)
		}
	}
	return first, others
}
