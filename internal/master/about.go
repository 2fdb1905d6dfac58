package master

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// backupNote is a file whose time says when the last backup was read to its end.
const backupNote = "last-backup"

// noteBackup remembers that a backup was made. That it cannot is no harm to the backup.
func (m *Master) noteBackup() {
	path, now := filepath.Join(m.opt.Dir, backupNote), m.opt.Now()
	err := os.WriteFile(path, []byte(now.UTC().Format(time.RFC3339)+"\n"), 0o644)
	if err != nil {
		m.opt.Log.Warn("it cannot be noted when the last backup was made", "err", err)
	}
}

// About says what the master is made of and how much it keeps. Where it keeps it is told to admins.
func (m *Master) About(ctx context.Context, who Identity) (farm.About, error) {
	now := m.opt.Now()
	a := farm.About{
		Program: m.opt.Program, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Protocol: farm.Protocol,
		Started: m.started.UTC(), Now: now.UTC(), UptimeS: max(0, now.Sub(m.started).Seconds()),
	}
	stats, err := m.Stats(ctx)
	if err != nil {
		return a, err
	}
	if a.Store, a.Counts.Jobs, err = m.opt.Store.About(ctx); err != nil {
		return a, err
	}
	sound := m.Soundness()
	a.Store.Checked, a.Store.Damage = sound.Checked.UTC(), sound.Told(who)
	if sound.Checked.IsZero() {
		a.Store.Checked = time.Time{}
	}
	for _, n := range stats.Jobs {
		a.Counts.InProgress += n
	}
	c := &a.Counts
	c.Workers, c.WorkersOnline, c.Slots, c.SlotsBusy = stats.Workers, stats.WorkersOnline, stats.Slots, stats.SlotsBusy
	c.Tokens, c.Watchers = m.auth.count(), m.hub.count()
	if d, err := m.Disk(); err == nil {
		a.Disk = &d
	}
	if text, err := os.ReadFile(filepath.Join(m.opt.Dir, backupNote)); err == nil && len(text) > 20 {
		if at, err := time.Parse(time.RFC3339, string(text[:len(text)-1])); err == nil {
			a.Backup = &farm.BackupAge{Time: at, AgeS: max(0, now.Sub(at).Seconds())}
		}
	}
	a.Data = m.opt.Dir
	if who.Role != farm.RoleAdmin {
		a.Data, a.Store.Path = "", ""
	}
	return a, nil
}

// count is how many watchers there are.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}
