package main

import (
	"context"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// The reserve of a master's disk that nobody set: the less of the two.
const (
	usualReserve = 2_000_000_000 // bytes
	usualShare   = 50            // of the file system, one part in so many
)

// reserveOf is how many bytes of dir's file system are kept free of scenes' files.
func reserveOf(text, dir string) (int64, error) {
	switch strings.TrimSpace(text) {
	case "0":
		return 0, nil
	case "":
		use, err := disk.Usage(dir)
		if err != nil {
			return 0, farm.Errorf(farm.Internal, "the disk's room cannot be read: %w", err)
		}
		return min(usualReserve, int64(use.Total/usualShare)), nil
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, usagef("--reserve is a size as 500MB or 2GB, or 0 for none, not %q", text)
	}
	return n, nil
}

// warnDisk says that the master's disk runs low.
func (a *app) warnDisk(ctx context.Context, client *wire.Client) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := client.Info(ctx)
	if err != nil || info.Disk.Sentence() == "" {
		return
	}
	a.note(nil, "NOTE: %s. netrender clean removes what is no longer needed.", info.Disk.Sentence())
}

// diskFinding is what the doctor says of it.
func diskFinding(s farm.DiskState) finding {
	if text := s.Sentence(); text != "" {
		return finding{What: "room", Text: text, Next: "make room there: netrender clean, netrender delete"}
	}
	return finding{What: "room", OK: true, Text: "the master's disk has room"}
}
