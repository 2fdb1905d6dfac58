//go:build linux

package soak

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// disk is a small file system that can be made full at once, and roomy again. Without root it is a folder that never
// is.
type disk struct {
	dir     string
	size    int64
	mounted bool
	mu      sync.Mutex
	full    bool
}

// newDisk mounts a file system in memory. Its size is only what it may come to: it takes what is in it.
func (r *run) newDisk(name string, size int64) *disk {
	d := &disk{dir: filepath.Join(r.dir, name), size: size}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.disks[name] = d
	if os.Geteuid() != 0 {
		return d
	}
	if err := syscall.Mount("netrender-soak", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size)); err != nil {
		r.say("no small disks here: %v", err)
		return d
	}
	d.mounted = true
	return d
}

// fill leaves room for so many bytes.
func (d *disk) fill(but int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.mounted {
		return false
	}
	var st syscall.Statfs_t
	if syscall.Statfs(d.dir, &st) != nil {
		return false
	}
	used := int64(st.Blocks-st.Bfree) * st.Bsize
	if d.resize(used+but+4096) != nil {
		return false
	}
	d.full = true
	return true
}

// empty gives the room back.
func (d *disk) empty() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.full {
		return nil
	}
	d.full = false
	return d.resize(d.size)
}

func (d *disk) resize(size int64) error {
	return syscall.Mount("netrender-soak", d.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", size))
}

func (d *disk) close() {
	if d.mounted {
		if err := syscall.Unmount(d.dir, 0); err != nil {
			_ = exec.Command("umount", "-l", d.dir).Run()
		}
	}
}
