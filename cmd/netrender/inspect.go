package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("job", (*app).inspectVerb)

func (a *app) inspectVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "inspect FILE.blend", Short: "Have a worker look at a scene and say what would keep it from rendering", Args: cobra.ExactArgs(1),
		Long: `Have a worker of the farm open a scene and say what is in it and what would keep it from rendering, as netrender check does
with this machine's Blender. No Blender is needed here: the scene is sent, and then those of its files that the worker
misses and that are here. Nothing is rendered; the scene's own Python does not run.

The exit code is 0 when the scene can be sent as it is, 1 when it cannot. Warnings do not count. With --json all that
was found is in "inspection".`,
		Example: "  netrender inspect shot.blend\n  netrender inspect shot.blend --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.heedReader(cmd.Context())
			if err := checkBlend(args[0]); err != nil {
				return err
			}
			master, err := a.connect(cmd)
			if err != nil {
				return err
			}
			found, err := a.inspect(cmd, master, args[0])
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			p := preflightFrom(args[0], found)
			if found.Report.Problem == "" {
				fit, err := master.FitFor(cmd.Context(), wire.FitRequest{Needs: found.Report.Needs})
				if err != nil {
					return interrupted(cmd.Context(), err)
				}
				p.Fit = &fit
				if text := noneFits(&fit); text != "" {
					p.Warnings = append(p.Warnings, text)
				}
			}
			if a.json {
				err = a.print(p)
			} else {
				a.showPreflight(p)
			}
			if err == nil && len(p.Errors) > 0 {
				return errFailed
			}
			return err
		},
	}
	a.masterFlags(c)
	a.progressFlag(c)
	return c
}

// inspect has a worker look, telling how it goes.
func (a *app) inspect(cmd *cobra.Command, master *wire.Client, file string) (*client.Inspected, error) {
	show := a.newShow()
	defer show.close()
	hashes := blob.OpenHashCache(filepath.Join(a.settings.data, "hashes"), time.Now)
	home, _ := os.UserHomeDir()
	told := false
	found, err := client.Inspect(cmd.Context(), master, file, client.InspectOptions{
		Hashes: hashes, Home: home,
		Hashing: func(done, total int64) { show.bytes("checking files", done, total) },
		Sending: func(s client.Sending) {
			if s.Bytes > 0 {
				show.bytes("sending", s.BytesSent, s.Bytes)
			}
		},
		Waiting: func(j farm.Job) {
			if !told {
				told = true
				show.say("Waiting for a worker to look at %s", plainText(j.Name))
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if err := hashes.Save(); err != nil {
		a.note(map[string]any{"warning": err.Error()}, "note: what is known of the files could not be kept: %v", err)
	}
	return found, nil
}

// preflightFrom is what a worker found, as netrender check says it.
func preflightFrom(file string, found *client.Inspected) *preflight {
	r := found.Report
	p := &preflight{Blend: file, Files: len(found.Files), Bytes: found.Bytes, Lacking: &amount{}, Errors: r.Errors, Warnings: r.Warnings, Inspection: r}
	if r.Problem != "" {
		p.Errors = append(p.Errors, fault{Text: r.Problem, Hint: r.Hint})
		return p
	}
	saved := r.Scene.Saved()
	p.Frames, p.Total, p.Engine, p.Blender = r.Frames.String(), r.Frames.Count(), r.Scene.Engine, fmt.Sprintf("%d.%d", saved.Major, saved.Minor)
	for i := range r.Files {
		if f := &r.Files[i]; f.Missing && f.Needed {
			p.Missing = append(p.Missing, client.Missing{Path: strings.ToValidUTF8(f.Stored, "?"), Kind: f.Kind, Users: f.Users})
		}
	}
	if r.Cut > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the list of files is cut: %s more", count(r.Cut, "file")))
	}
	return p
}
