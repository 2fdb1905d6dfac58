package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
)

var _ = verb("farm", (*app).workerVerb)

// workerOptions are the settings of a worker.
type workerOptions struct {
	name     string
	slots    int
	devices  []string
	tags     []string
	blenders []string
	scripts  bool
	process  bool
	confine  string
	cache    string
	peerPort string
	shared   []string
	copyTo   string
	copyRoot []string
	hang     time.Duration
	frame    time.Duration
	drain    time.Duration
	memory   string
	fake     time.Duration
	fakeSize int
	fakeEnd  time.Duration
	logJSON  bool
	verbose  bool
	master   string // name of the master's machine
	farm     string // id of the farm whose master was found, not named: it is looked for again when it moves
}

func workerSettings(c *cobra.Command, o *workerOptions) {
	f := c.Flags()
	f.IntVar(&o.slots, "slots", 1, "frames rendered side by side")
	f.StringSliceVar(&o.devices, "devices", nil, "compute devices, one slot each: cpu, cuda:0, optix:1, hip, oneapi, metal")
	f.StringSliceVar(&o.tags, "tags", nil, "tags that jobs may ask for")
	f.StringSliceVar(&o.blenders, "blender", nil, "Blender executables, or Pythons with the bpy module (default: those found)")
	f.BoolVar(&o.scripts, "scripts", false, "let jobs that ask for it run the scene's own Python")
	f.BoolVar(&o.process, "allow-processes", false, "run the commands of jobs that are no scenes (netrender run): whoever may submit jobs may run anything here")
	f.StringVar(&o.confine, "confine", confineAuto, "keep Blender inside its job's folder, without a network: auto (where the system can), always, never")
	f.StringVar(&o.cache, "cache", "50GB", "room for scenes' files")
	f.StringVar(&o.peerPort, "peer-port", "0", "TCP port at which other workers of the farm fetch scenes' files from this one; 0: any that is free; off: neither that nor fetching from them")
	f.StringArrayVar(&o.shared, "shared", nil, "a folder whose files are read there and not fetched, where a job shares it: /mnt/projects, or P:\\projects=/mnt/projects where those who submit call it otherwise")
	f.StringVar(&o.copyTo, "copy-to", "", "copy the results of every job to this folder as well, each job's into a folder of its own")
	f.StringArrayVar(&o.copyRoot, "copy-root", nil, "let jobs have their results copied below this folder (netrender render --copy-to): /mnt/renders, or R:\\=/mnt/renders where those who submit call it otherwise")
	f.DurationVar(&o.hang, "hang-timeout", 10*time.Minute, "give a frame up when Blender shows no progress for so long")
	f.DurationVar(&o.frame, "frame-timeout", 0, "longest a frame may take here, whatever its job allows (default: no limit)")
	f.StringVar(&o.memory, "memory-limit", "", "stop a frame whose Blender holds more memory, as 8GB (default: no limit)")
	f.DurationVar(&o.drain, "drain-timeout", 2*time.Minute, "when told to stop while the master is away, wait so long for it; finished frames are kept")
	f.DurationVar(&o.fake, "fake-renderer", 0, "do not render: write a small picture after so long")
	f.IntVar(&o.fakeSize, "fake-size", 0, "edge of that picture in pixels, so that the workers' pictures can be told apart")
	_ = f.MarkHidden("fake-renderer")
	_ = f.MarkHidden("fake-size")
	f.DurationVar(&o.fakeEnd, "fake-finish", 0, "what finishing a frame takes that was rendered in parts")
	_ = f.MarkHidden("fake-finish")
}

func (a *app) workerVerb() *cobra.Command {
	var o workerOptions
	c := &cobra.Command{
		Use: "worker", Short: "Run a worker: this machine renders; it finds the master by itself", Args: cobra.NoArgs,
		Long: `Run a worker: this machine renders. It finds the master by itself, or asks the one named with --master. On a
machine that was not let in yet it shows a code and waits until somebody accepts it.

SIGTERM or Ctrl-C lets it finish the frame in hand and hand back the rest; a second one stops it at once.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil { // before somebody waits for a master
				return err
			}
			log := a.newLogger(o.logJSON, o.verbose)
			ctx, stop := drainContext(cmd.Context(), nil)
			defer stop()
			defer a.noteDoing(map[string]any{"state": "ended"})
			a.noteDoing(map[string]any{"state": "looking"})
			address, _ := cmd.Flags().GetString("master")
			token, _ := cmd.Flags().GetString("token")
			m, token, err := a.enlist(cmd.Context(), &o, address, token)
			var w *worker.Worker
			if err == nil {
				a.noteDoing(map[string]any{"state": "tries", "master": plainURL(m)})
				log.Info("this machine works for the master at "+plainURL(m), "name", plainText(o.master))
				w, err = a.makeWorker(cmd.Context(), &o, m, token, log)
			}
			if err != nil && cmd.Context().Err() != nil {
				return nil // told to end before there was anything to finish
			}
			if err != nil {
				return err
			}
			defer a.followDoing(ctx, w, m)()
			return a.runWorker(ctx, cmd.Context(), w, log)
		},
	}
	a.masterFlags(c)
	c.Flags().StringVar(&o.name, "name", "", "name shown to others (default: the machine's)")
	c.Flags().BoolVar(&o.logJSON, "log-json", false, "write the log as JSON")
	c.Flags().BoolVar(&o.verbose, "verbose", false, "write more to the log")
	c.Flags().StringVar(&a.doingFile, "doing-file", "", "keep in this file what the worker does (JSON)")
	_ = c.Flags().MarkHidden("doing-file")
	workerSettings(c, &o)
	return c
}

// check refuses settings that make no sense.
func (o *workerOptions) check() error {
	switch {
	case o.slots < 1 || o.slots > maxSlots:
		return usagef("--slots is a whole number from 1 to %d, not %d", maxSlots, o.slots)
	case o.hang <= 0:
		return usagef("--hang-timeout is a time above 0, not %s", o.hang)
	case o.frame < 0:
		return usagef("--frame-timeout is a time above 0, not %s", o.frame)
	case o.drain <= 0:
		return usagef("--drain-timeout is a time above 0, not %s", o.drain)
	}
	if _, err := o.confined(); err != nil {
		return err
	}
	if _, err := o.peers(); err != nil {
		return err
	}
	for _, d := range o.devices {
		kind, index, numbered := strings.Cut(d, ":")
		_, err := strconv.ParseUint(index, 10, 8)
		if kind != "cpu" && !slices.Contains(gpuKinds, kind) || numbered && err != nil {
			return usagef("%q is not a device; write it as cpu, optix or optix:1", d)
		}
	}
	for _, list := range [][]string{o.shared, o.copyRoot} {
		if _, err := sharesOf(list); err != nil {
			return err
		}
	}
	_, _, err := o.sizes()
	return err
}

// peers reads the port for other workers; nil: there is none.
func (o *workerOptions) peers() (*worker.Peers, error) {
	if o.peerPort == "off" {
		return nil, nil
	}
	port, err := strconv.ParseUint(o.peerPort, 10, 16)
	if err != nil {
		return nil, usagef("--peer-port is a port from 1 to 65535, 0 or off, not %q", o.peerPort)
	}
	return &worker.Peers{Port: int(port)}, nil
}

// warnOfFolders tells of folders that are not there now; they may come.
func warnOfFolders(log *slog.Logger, shares, roots []farm.Share, copyTo string) {
	warn := func(folder, what string) {
		if _, err := os.Stat(folder); err != nil {
			log.Warn("a folder is not there now: "+what, "folder", folder, "err", err)
		}
	}
	for _, s := range shares {
		warn(s.To, "its files are fetched from the master")
	}
	for _, s := range roots {
		warn(s.To, "nothing is copied to it")
	}
	if copyTo != "" {
		warn(copyTo, "nothing is copied to it")
	}
}

// sharesOf reads folders that have one name here and perhaps another elsewhere.
func sharesOf(texts []string) (list []farm.Share, err error) {
	for _, text := range texts {
		s, err := farm.ParseShare(text)
		if err != nil {
			return nil, fmt.Errorf("%w%w", hidden{errUsage}, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// sizes reads the room for scenes' files and the limit of memory, in bytes; 0: no limit.
func (o *workerOptions) sizes() (cache, memory int64, err error) {
	if cache, err = parseSize(o.cache); err != nil {
		return 0, 0, err
	}
	if cache < leastCache {
		return 0, 0, usagef("--cache is 100MB or more, not %s: a scene's files must fit", o.cache)
	}
	if o.memory == "" {
		return cache, 0, nil
	}
	if memory, err = parseSize(o.memory); err == nil && memory < leastMemory {
		err = usagef("--memory-limit is 500MB or more, not %s: Blender takes some by itself", o.memory)
	}
	return cache, memory, err
}

// The values of --confine.
const (
	confineAuto   = "auto"
	confineAlways = "always"
	confineNever  = "never"
)

// confined tells whether scenes are kept inside their folders.
func (o *workerOptions) confined() (bool, error) {
	can, why := blender.CanFence()
	switch {
	case o.confine == confineNever:
		return false, nil
	case o.confine != confineAuto && o.confine != confineAlways:
		return false, usagef("--confine is auto, always or never, not %q", o.confine)
	case o.confine == confineAlways && !can:
		return false, farm.Errorf(farm.Invalid, "Blender cannot be confined on this machine: %s", why).
			WithHint("--confine auto renders all the same; jobs are code that runs here, so let in only people you trust")
	}
	return can, nil
}

// The least that makes sense, in bytes.
const (
	leastCache  = 100e6
	leastMemory = 500e6
)

// maxSlots is the most that a master takes.
const maxSlots = 256

// drainContext ends at the second signal; the first one ends polite.
func drainContext(polite context.Context, onSecond func()) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(polite))
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; {
			select {
			case <-ch:
				if n++; n > 1 {
					if onSecond != nil {
						onSecond()
					}
					cancel()
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(done)
		cancel()
	}
}

// runWorker works until ctx ends; when polite ends first, the worker drains.
func (a *app) runWorker(ctx, polite context.Context, w *worker.Worker, log *slog.Logger) error {
	stopped := context.AfterFunc(polite, func() {
		log.Info("finishing the frames in hand; once more stops at once")
		w.Drain()
	})
	defer stopped()
	err := w.Run(ctx)
	if ctx.Err() != nil && polite.Err() != nil {
		return nil // a person stopped it
	}
	return err
}

// makeWorker finds this machine's Blenders and makes the worker.
func (a *app) makeWorker(ctx context.Context, o *workerOptions, m foundMaster, token string, log *slog.Logger) (*worker.Worker, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cache, memory, err := o.sizes()
	if err != nil {
		return nil, err
	}
	client, err := clientOf(m, token)
	if err != nil {
		return nil, err
	}
	shares, err := sharesOf(o.shared)
	if err != nil {
		return nil, err
	}
	roots, err := sharesOf(o.copyRoot)
	if err != nil {
		return nil, err
	}
	copyTo := o.copyTo
	if copyTo != "" {
		if copyTo, err = filepath.Abs(copyTo); err != nil {
			return nil, err
		}
	}
	warnOfFolders(log, shares, roots, copyTo)
	opt := worker.Options{
		Dir: a.workerDir(), Name: o.name, Slots: o.slots, Devices: o.devices, Tags: o.tags, Shared: shares, CopyTo: copyTo, CopyRoots: roots,
		Scripts: o.scripts, Program: version, Log: log, Now: time.Now, CacheBytes: cache, HangTimeout: o.hang,
		MemoryLimit: memory, FrameTimeout: o.frame, DrainTimeout: o.drain, UserIdle: userIdle,
	}
	if opt.Master = client; o.farm != "" {
		own := ownMaster{Client: client, nobody: client.WithToken(""), token: token, farm: o.farm, told: make(map[string]bool)}
		opt.Master = own
		opt.Seek = func(ctx context.Context) { a.seek(ctx, own, log) }
	}
	if opt.Peers, err = o.peers(); err != nil {
		return nil, err
	}
	switch {
	case wire.IsLocal(m.URL): // the master's bytes are at hand, and others do not know this machine by that address
		opt.Peers = nil
	case opt.Peers != nil:
		opt.Peers.TLS = strings.HasPrefix(m.URL, "https:")
	}
	if o.process {
		fenced, err := o.confined()
		if err != nil {
			return nil, err
		}
		opt.RunCommand = worker.Commands(blender.Command{Runner: runner(), Environ: os.Environ()}, fenced)
	}
	if o.fake > 0 {
		fake(&opt, o.fake, o.fakeEnd, o.fakeSize)
		return worker.New(opt)
	}
	slow := time.AfterFunc(time.Second, func() { log.Info("trying what Blender can do on this machine; next time this is known") })
	installs, err := a.findBlenders(ctx, o.blenders, false)
	slow.Stop()
	if err != nil {
		return nil, err
	}
	for _, in := range installs {
		log.Info("found Blender "+in.Version, "path", in.Path, "denoiser", len(in.Denoisers) > 0)
	}
	if err := o.checkDevices(installs, log); err != nil {
		return nil, err
	}
	opt.Installs = installs
	if opt.Fenced, err = o.confined(); err != nil {
		return nil, err
	}
	if _, why := blender.CanFence(); !opt.Fenced && o.confine != confineNever {
		log.Warn("Blender is not confined: a job can read and write what this user can", "why", why)
	}
	base := blender.Options{Runner: runner(), Environ: os.Environ()}
	opt.NewRenderer, opt.Inspect = worker.Sessions(base, opt.Fenced), worker.Inspections(base, opt.Fenced)
	return worker.New(opt)
}

func (a *app) workerDir() string { return filepath.Join(a.settings.data, "worker") }

// parseSize reads bytes as 500MB, 50GB, 1TB or a plain number.
func parseSize(text string) (int64, error) {
	t := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(text), " ", ""))
	t = strings.TrimSuffix(t, "B")
	factor := int64(1)
	for suffix, f := range map[string]int64{"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} {
		if strings.HasSuffix(t, suffix) {
			factor, t = f, strings.TrimSuffix(t, suffix)
			break
		}
	}
	n, err := strconv.ParseFloat(t, 64)
	if err != nil || !(n > 0) || n > 1e15 {
		return 0, usagef("%q is not a size; write it as 500MB or 50GB", text)
	}
	return int64(n * float64(factor)), nil
}

// findBlenders finds and asks this machine's Blenders; those that do not answer are named and left out.
func (a *app) findBlenders(ctx context.Context, named []string, quick bool) ([]blender.Install, error) {
	found, problems := blenders(ctx, named, a.settings.data, quick)
	if len(found) == 0 && len(named) > 0 && len(problems) > 0 {
		return nil, farm.Errorf(farm.NotFound, "%v", problems[0]).WithHint("name a Blender that works with --blender or NETRENDER_BLENDER")
	}
	for _, p := range problems {
		a.note(map[string]any{"warning": p.Error()}, "note: %v", p)
	}
	if len(found) == 0 {
		return nil, farm.Errorf(farm.NotFound, "no Blender was found on this machine").
			WithHint("install Blender, or name it with --blender or NETRENDER_BLENDER")
	}
	return found, nil
}
