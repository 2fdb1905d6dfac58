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
	cache    string
	hang     time.Duration
	fake     time.Duration
	fakeSize int
	logJSON  bool
	verbose  bool
}

func workerSettings(c *cobra.Command, o *workerOptions) {
	f := c.Flags()
	f.IntVar(&o.slots, "slots", 1, "frames rendered side by side")
	f.StringSliceVar(&o.devices, "devices", nil, "compute devices, one slot each: cpu, cuda:0, optix:1, hip, oneapi, metal")
	f.StringSliceVar(&o.tags, "tags", nil, "tags that jobs may ask for")
	f.StringSliceVar(&o.blenders, "blender", nil, "Blender executables, or Pythons with the bpy module (default: those found)")
	f.BoolVar(&o.scripts, "scripts", false, "let jobs that ask for it run the scene's own Python")
	f.StringVar(&o.cache, "cache", "50GB", "room for scenes' files")
	f.DurationVar(&o.hang, "hang-timeout", 10*time.Minute, "give a frame up when Blender shows no progress for so long")
	f.DurationVar(&o.fake, "fake-renderer", 0, "do not render: write a small picture after so long")
	f.IntVar(&o.fakeSize, "fake-size", 0, "edge of that picture in pixels, so that the workers' pictures can be told apart")
	_ = f.MarkHidden("fake-renderer")
	_ = f.MarkHidden("fake-size")
}

func (a *app) workerVerb() *cobra.Command {
	var o workerOptions
	c := &cobra.Command{
		Use: "worker", Short: "Run a worker: this machine renders; it finds the master by itself", Args: cobra.NoArgs,
		Long: `Run a worker: this machine renders. It finds the master by itself, or asks the one named with --master. On a
machine that was not let in yet it shows a code and waits until somebody accepts it.

SIGTERM or Ctrl-C lets it finish the frame in hand and hand back the rest; a second one stops it at once.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := o.check(); err != nil { // before somebody waits for a master
				return err
			}
			log := a.newLogger(o.logJSON, o.verbose)
			ctx, stop := drainContext(cmd.Context(), nil)
			defer stop()
			address, _ := cmd.Flags().GetString("master")
			token, _ := cmd.Flags().GetString("token")
			address, token, err := a.enlist(cmd.Context(), address, token)
			if err != nil {
				return err
			}
			w, err := a.makeWorker(cmd.Context(), &o, address, token, log)
			if err != nil {
				return err
			}
			return a.runWorker(ctx, cmd.Context(), w, log)
		},
	}
	a.masterFlags(c)
	c.Flags().StringVar(&o.name, "name", "", "name shown to others (default: the machine's)")
	c.Flags().BoolVar(&o.logJSON, "log-json", false, "write the log as JSON")
	c.Flags().BoolVar(&o.verbose, "verbose", false, "write more to the log")
	workerSettings(c, &o)
	return c
}

// check refuses settings that make no sense, and returns the cache's room in bytes.
func (o *workerOptions) check() (int64, error) {
	if o.slots < 1 || o.slots > maxSlots {
		return 0, usagef("--slots is a whole number from 1 to %d, not %d", maxSlots, o.slots)
	}
	if o.hang <= 0 {
		return 0, usagef("--hang-timeout is a time above 0, not %s", o.hang)
	}
	for _, d := range o.devices {
		kind, index, numbered := strings.Cut(d, ":")
		_, err := strconv.ParseUint(index, 10, 8)
		if kind != "cpu" && !slices.Contains(gpuKinds, kind) || numbered && err != nil {
			return 0, usagef("%q is not a device; write it as cpu, optix or optix:1", d)
		}
	}
	return parseSize(o.cache)
}

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

// enlist finds the master, waiting for one to appear, and the token to work with, pairing when there is none.
func (a *app) enlist(ctx context.Context, address, token string) (string, string, error) {
	given := address != ""
	for said := false; ; {
		found, err := a.findMaster(ctx, address)
		if err == nil {
			client, cerr := wire.NewClient(found, "", wire.Options{Program: version})
			if cerr != nil {
				return "", "", cerr
			}
			info, ierr := client.Info(ctx)
			if ierr == nil {
				return a.admit(ctx, found, token, info)
			}
			err = ierr
		}
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
		if given && !wire.Again(err) || !given && !isUnreachable(err) {
			return "", "", err
		}
		if !said {
			said = true
			fmt.Fprintf(a.err, "No master answers yet; waiting for one. (netrender up starts one; --master HOST names one)\n")
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return "", "", ctx.Err()
		}
	}
}

func isUnreachable(err error) bool {
	var u *wire.Unreachable
	return asError(err, &u)
}

func (a *app) admit(ctx context.Context, address, token string, info wire.Info) (string, string, error) {
	if token != "" || info.Open {
		return address, token, nil
	}
	tokens, err := a.readTokens()
	if err != nil {
		return "", "", err
	}
	for _, t := range []string{tokens[tokenKey(info.ID, farm.RoleWorker)], a.adminToken(info.ID)} {
		if t != "" && a.tokenWorks(ctx, address, t) {
			return address, t, nil
		}
	}
	t, err := a.pairAs(ctx, address, farm.RoleWorker)
	return address, t, err
}

// tokenWorks tells whether the master still takes the token.
func (a *app) tokenWorks(ctx context.Context, address, token string) bool {
	client, err := wire.NewClient(address, token, wire.Options{Program: version})
	if err != nil {
		return false
	}
	_, err = client.Patient(patience).Rules(ctx)
	return err == nil || farm.KindOf(err) != farm.Denied
}

// makeWorker finds this machine's Blenders and makes the worker.
func (a *app) makeWorker(ctx context.Context, o *workerOptions, address, token string, log *slog.Logger) (*worker.Worker, error) {
	cache, err := o.check()
	if err != nil {
		return nil, err
	}
	client, err := wire.NewClient(address, token, wire.Options{Program: version})
	if err != nil {
		return nil, err
	}
	opt := worker.Options{
		Master: client, Dir: a.workerDir(), Name: o.name, Slots: o.slots, Devices: o.devices, Tags: o.tags,
		Scripts: o.scripts, Program: version, Log: log, Now: time.Now, CacheBytes: cache, HangTimeout: o.hang,
	}
	if o.fake > 0 {
		fake(&opt, o.fake, o.fakeSize)
		return worker.New(opt)
	}
	installs, err := a.findBlenders(ctx, o.blenders, false)
	if err != nil {
		return nil, err
	}
	for _, in := range installs {
		log.Info("found Blender "+in.Version, "path", in.Path, "denoiser", len(in.Denoisers) > 0)
	}
	opt.Installs = installs
	opt.NewRenderer = worker.Sessions(blender.Options{Runner: runner(), Environ: os.Environ()})
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
