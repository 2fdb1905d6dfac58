package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/netrender/netrender/addon"
	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/web"
)

// programsDir is a folder with programs for other platforms, beside this one and in the data folder.
const programsDir = "programs"

// packedDir is where the data folder keeps programs as they lie in zips.
const packedDir = "addon"

// thisPlatform is the platform of this program.
const thisPlatform = addon.Platform(runtime.GOOS + "-" + runtime.GOARCH)

// addonStore makes zips of the add-on with the programs that are on this machine.
type addonStore struct {
	own   string   // this program's file
	dirs  []string // where others lie
	cache string   // folder for packed programs; "": they are packed anew each time
	farm  string   // id
	log   *slog.Logger

	turn chan struct{} // held by who packs: it takes seconds of a processor
	mu   sync.Mutex
	seen map[string]seenProgram // by path
}

// seenProgram is what was found out about a file that did not change since.
type seenProgram struct {
	size, time int64
	wrong      error
}

func newAddonStore(data string, log *slog.Logger) *addonStore {
	s := &addonStore{
		dirs: []string{filepath.Join(data, programsDir)}, log: log,
		turn: make(chan struct{}, 1), seen: map[string]seenProgram{},
	}
	if own, err := os.Executable(); err == nil {
		s.own = own
		if runtime.GOOS == "linux" {
			s.own = "/proc/self/exe" // the one that runs, also when another has taken its place
		}
		s.dirs = append([]string{filepath.Join(filepath.Dir(own), programsDir)}, s.dirs...)
	}
	return s
}

// namesOf are those by which a platform's program may lie in a folder: as it is, and as an archive of a release unpacks.
func namesOf(p addon.Platform) []string {
	return []string{
		filepath.Join("netrender-"+version+"-"+string(p), p.Exe()),
		"netrender-" + string(p) + filepath.Ext(p.Exe()),
	}
}

// open opens the program of a platform.
func (s *addonStore) open(p addon.Platform) (*os.File, error) {
	if p == thisPlatform && s.own != "" {
		if f, err := os.Open(s.own); err == nil {
			return f, nil
		}
	}
	for _, dir := range s.dirs {
		for _, name := range namesOf(p) {
			if f, err := s.try(filepath.Join(dir, name), p); err == nil {
				return f, nil
			}
		}
	}
	return nil, farm.Errorf(farm.NotFound, "there is no program for %s here", p.Title())
}

// try opens a file that should be the program of a platform, and looks whether it is. What is wrong is told once.
func (s *addonStore) try(path string, p addon.Platform) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err == nil {
		s.mu.Lock()
		seen, ok := s.seen[path]
		s.mu.Unlock()
		if size, time := st.Size(), st.ModTime().UnixNano(); !ok || seen.size != size || seen.time != time {
			seen = seenProgram{size, time, isProgram(f, p)}
			if seen.wrong != nil && s.log != nil {
				s.log.Warn("this is not the program that it should be; it is handed out to nobody", "file", path, "why", seen.wrong)
			}
			s.mu.Lock()
			s.seen[path] = seen
			s.mu.Unlock()
		}
		err = seen.wrong
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// isProgram says why a file is not the program of a platform.
func isProgram(f io.ReaderAt, p addon.Platform) error {
	found, err := addon.Inspect(f)
	if err == nil && found != p {
		err = fmt.Errorf("it is the program for %s, not for %s", found, p)
	}
	return err
}

// Platforms are those whose programs are here.
func (s *addonStore) Platforms() (list []web.Platform) {
	for _, p := range addon.Platforms {
		f, err := s.open(p)
		if err == nil {
			_ = f.Close()
		}
		list = append(list, web.Platform{ID: string(p), Title: p.Title(), Here: err == nil})
	}
	return list
}

// Zip makes the zip for a platform; for none, one without a program.
func (s *addonStore) Zip(ctx context.Context, platform, master string) (*web.AddonZip, error) {
	z := addon.Zip{Modules: blender.Packages(), Version: version, Master: master, Farm: s.farm}
	done := func() {}
	if platform != "" {
		p := addon.Platform(platform)
		if !p.Known() {
			return nil, unknownPlatform(platform)
		}
		var err error
		if z.Program, done, err = s.packed(ctx, p); err != nil {
			return nil, err
		}
	}
	sum := sha256.New()
	n := &counted{w: sum, tell: func(int64) {}}
	if err := z.Write(n); err != nil {
		done()
		return nil, err
	}
	return &web.AddonZip{Size: n.n, Mark: hex.EncodeToString(sum.Sum(nil)[:12]), Write: z.Write, Close: done}, nil
}

func unknownPlatform(name string) error {
	return farm.Errorf(farm.Invalid, "%q is no platform that the add-on is made for", name).WithHint("it is one of %s", strings.Join(platformNames(), ", "))
}

func platformNames() (list []string) {
	for _, p := range addon.Platforms {
		list = append(list, string(p))
	}
	return list
}

// packed gives the program of a platform, packed, from the cache if it is there. done must be called.
func (s *addonStore) packed(ctx context.Context, p addon.Platform) (_ *zip.File, done func(), err error) {
	program, err := s.open(p)
	if err != nil {
		return nil, nil, err
	}
	defer program.Close()
	st, err := program.Stat()
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(s.cache, fmt.Sprintf("%s.%d-%d.zip", p, st.Size(), st.ModTime().UnixNano()))
	if z, done, err := s.cached(path); err == nil {
		return z, done, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if z, done, err := s.cached(path); err == nil { // another was faster
		return z, done, nil
	}
	var b bytes.Buffer
	if err := addon.Pack(&b, p, program); err != nil {
		return nil, nil, err
	}
	s.keep(path, p, b.Bytes())
	z, err := addon.Packed(bytes.NewReader(b.Bytes()), int64(b.Len()))
	return z, func() {}, err
}

func (s *addonStore) cached(path string) (*zip.File, func(), error) {
	if s.cache == "" {
		return nil, nil, fs.ErrNotExist
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil {
		var z *zip.File
		if z, err = addon.Packed(f, st.Size()); err == nil {
			return z, func() { _ = f.Close() }, nil
		}
	}
	_ = f.Close()
	return nil, nil, err
}

// keep puts a packed program into the cache, in place of older ones of its platform. Without it the next zip only takes
// longer.
func (s *addonStore) keep(path string, p addon.Platform, text []byte) {
	if s.cache == "" {
		return
	}
	old, _ := filepath.Glob(filepath.Join(s.cache, string(p)+".*.zip"))
	for _, name := range old {
		_ = os.Remove(name)
	}
	if err := writePrivate(path, text); err != nil && s.log != nil {
		s.log.Warn("a packed program could not be kept: each add-on takes some seconds longer", "err", err)
	}
}
