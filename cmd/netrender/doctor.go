package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("farm", (*app).doctorVerb)

// finding is one line of the doctor's: what was looked at and what was seen.
type finding struct {
	What string `json:"check"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // what to do
}

func (a *app) doctorVerb() *cobra.Command {
	var blenders []string
	var listen, out string
	var quick bool
	c := &cobra.Command{
		Use: "doctor", Short: "Check this machine: Blender, the master, clock, disk, ports, write access", Args: cobra.NoArgs,
		Long: `Check this machine: folders and disk, Blender (it renders a test frame), the master, the clock, the token that this machine
has, and the ports that a master needs. The exit code is 0 only if all is well.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usagef("%s is not an address to listen on; write it as HOST:PORT or :PORT", listen)
			}
			bad := 0
			tell := func(f finding) {
				if !f.OK {
					bad++
				}
				if a.json {
					_ = a.print(f)
					return
				}
				mark := a.paint("ok  ", "done")
				if !f.OK {
					mark = a.paint("FAIL", "failed")
				}
				fmt.Fprintf(a.out, "%s  %-8s %s\n", mark, f.What, f.Text)
				if f.Next != "" {
					fmt.Fprintf(a.out, "               %s\n", f.Next)
				}
			}
			a.checkFolders(tell)
			if out != "" {
				checkOut(out, tell)
			}
			a.checkBlenders(cmd.Context(), blenders, quick, tell)
			checkConfine(tell)
			a.checkKeyring(cmd.Context(), tell)
			found := a.checkMaster(cmd, tell)
			a.checkPorts(cmd.Context(), listen, !found || cmd.Flags().Changed("listen"), tell)
			if bad > 0 {
				return errFailed
			}
			return nil
		},
	}
	a.masterFlags(c)
	c.Flags().StringSliceVar(&blenders, "blender", nil, "Blender executables, or Pythons with the bpy module")
	c.Flags().BoolVar(&quick, "quick", false, "do not render a test frame")
	c.Flags().StringVarP(&out, "out", "o", "", "a folder for frames, to see whether it can be written")
	c.Flags().StringVar(&listen, "listen", ":"+strconv.Itoa(wire.DefaultPort), "where a master of this machine listens or would, as HOST:PORT or :PORT")
	return c
}

// failed makes a finding of an error.
func failed(what string, err error) finding {
	f := finding{What: what, Text: err.Error()}
	var fe *farm.Error
	if errors.As(err, &fe) {
		f.Text, f.Next = fe.Error(), fe.Hint
	}
	return f
}

func (a *app) checkFolders(tell func(finding)) {
	dir := a.settings.data
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tell(finding{What: "folder", Text: "the data folder " + dir + " cannot be made: " + reasonOf(err), Next: "name another one with --data or NETRENDER_DATA"})
		return
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		tell(finding{What: "folder", Text: "the data folder " + dir + " cannot be written", Next: "name another one with --data or NETRENDER_DATA"})
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
		tell(finding{What: "folder", OK: true, Text: dir + " can be written"})
	}
	use, err := disk.Usage(dir)
	switch {
	case err != nil:
		tell(finding{What: "disk", Text: "the disk's room cannot be read: " + err.Error()})
	case use.Free < 2e9:
		tell(finding{What: "disk", Text: size(int64(use.Free)) + " free", Next: "make room: scenes' files and frames need some gigabytes"})
	default:
		tell(finding{What: "disk", OK: true, Text: size(int64(use.Free)) + " free"})
	}
}

// checkOut tells whether frames can be written there.
func checkOut(dir string, tell func(finding)) {
	if err := client.CheckFolder(dir); err != nil {
		tell(failed("out", err))
		return
	}
	tell(finding{What: "out", OK: true, Text: dir + " can be written"})
}

func (a *app) checkBlenders(ctx context.Context, named []string, quick bool, tell func(finding)) {
	found, problems := blenders(ctx, named, a.settings.data, false)
	for _, p := range problems {
		tell(failed("blender", p))
	}
	if len(found) == 0 {
		tell(finding{What: "blender", Text: "no Blender was found", Next: "install Blender, or name it with --blender or NETRENDER_BLENDER (a machine that only sends jobs or runs a master needs none to render)"})
	}
	for _, c := range cardsOf(found) {
		tell(finding{What: "device", OK: true, Text: fmt.Sprintf("%s; a worker uses it with --devices %s", plainText(c.name), c.device)})
	}
	for _, in := range found {
		text := fmt.Sprintf("%s at %s", in.Version, in.Path)
		if len(in.Denoisers) == 0 {
			text += ", without a denoiser"
		}
		for _, e := range in.Engines {
			if !e.Works && e.Why != "" {
				text += "; " + e.ID + ": " + e.Why
			}
		}
		tell(finding{What: "blender", OK: true, Text: text})
		if quick {
			continue
		}
		took, err := a.testFrame(ctx, in)
		if err != nil {
			tell(failed("render", err))
			continue
		}
		tell(finding{What: "render", OK: true, Text: fmt.Sprintf("%s rendered a test frame in %s, its start included", in.Version, span(took))})
	}
}

// checkConfine tells whether a worker here keeps scenes inside their folders. That it cannot is no fault of the machine.
func checkConfine(tell func(finding)) {
	if can, why := blender.CanFence(); !can {
		tell(finding{
			What: "confine", OK: true, Text: "a worker cannot confine Blender here: " + why,
			Next: "jobs are code that runs here with this user's rights: let in only people you trust",
		})
		return
	}
	tell(finding{What: "confine", OK: true, Text: "a worker confines Blender: a scene reaches its own files and no network"})
}

// testFrame renders one small frame of a scene that Blender makes itself.
func (a *app) testFrame(ctx context.Context, in blender.Install) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "netrender-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	script := filepath.Join(dir, "scene.py")
	blend := filepath.Join(dir, "test.blend")
	if err := os.WriteFile(script, []byte(testScene), 0o600); err != nil {
		return 0, err
	}
	began := time.Now()
	if out, err := in.Command(ctx, script, blend).CombinedOutput(); err != nil {
		return 0, farm.Errorf(farm.Internal, "Blender %s could not make a scene: %v; its last words: %s", in.Version, err, lastLine(out))
	}
	o := sessionOptions(in, filepath.Join(dir, "home"))
	if can, _ := blender.CanFence(); can {
		o.Fence = &blender.Fence{Read: []string{blend}, Write: []string{dir}}
	}
	session, err := blender.Start(ctx, o)
	if err != nil {
		return 0, err
	}
	defer session.Kill()
	if _, err := session.Open(ctx, blender.Scene{Blend: blend}); err != nil {
		return 0, err
	}
	if _, err := session.Render(ctx, blender.Task{Frame: 1, OutDir: filepath.Join(dir, "out"), EXR: blender.EXRFull}, nil); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

const testScene = `import sys
import bpy

scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 32, 18, 100
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[sys.argv.index("--") + 1])
`

// lastLine is what a program said last.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return plainText(clip(lines[len(lines)-1], 300))
}
