package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var _ = verb("job", (*app).checkVerb)

// preflight is what is known of a scene before it is sent.
type preflight struct {
	Blend    string           `json:"blend"`
	Frames   string           `json:"frames"`
	Total    int              `json:"total"` // frames
	Engine   string           `json:"engine"`
	Blender  string           `json:"blender"` // that saved it
	Files    int              `json:"files"`
	Bytes    int64            `json:"bytes"`
	Lacking  *amount          `json:"lacking,omitempty"` // at the master; none: it was not asked
	Fit      *farm.Fit        `json:"workers,omitempty"`
	Missing  []client.Missing `json:"missing,omitempty"`
	Errors   []fault          `json:"errors,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
	// Inspection is all that a worker found, where one looked.
	Inspection *farm.Inspection `json:"inspection,omitempty"`
}

// amount is of files that are to be sent.
type amount struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Seconds is how long sending them will take, by what was sent to the farm before; 0: nothing is known.
	Seconds float64 `json:"seconds,omitempty"`
}

type fault = farm.Obstacle

func (a *app) checkVerb() *cobra.Command {
	var o jobOptions
	var offline bool
	c := &cobra.Command{
		Use: "check FILE.blend", Short: "Say what would keep a scene from rendering, and how much is to be sent; nothing is sent", Args: cobra.ExactArgs(1),
		Long: `Say what would keep a scene from rendering on the farm, without sending anything: files that are missing and what needs
them, no camera, simulations that are not baked, scripts that will not run, workers that cannot render it; and how many
bytes the master does not have yet. The options are those of netrender render.

The exit code is 0 when the scene can be sent as it is, 1 when it cannot. Warnings do not count.`,
		Example: "  netrender check shot.blend\n  netrender check shot.blend -f 1-250 --gpu optix --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.heedReader(cmd.Context())
			spec, err := o.spec()
			if err != nil {
				return err
			}
			if err := checkBlend(o.bytes(args[0])); err != nil {
				return err
			}
			var master *wire.Client
			var away error
			if !offline {
				if master, away = a.connect(cmd); errors.Is(away, errUsage) {
					return away
				}
			}
			plan, err := a.plan(cmd.Context(), args[0], spec, &o, true)
			if plan == nil {
				return interrupted(cmd.Context(), err)
			}
			p := preflightOf(args[0], plan, o.allowMissing)
			if err != nil {
				p.fault(err)
			}
			if master != nil {
				tell := func(text string) { p.Warnings = append(p.Warnings, text) }
				if away = a.checkShared(cmd.Context(), master, plan, tell); away == nil {
					away = a.checkGPU(cmd.Context(), master, plan, tell)
				}
			}
			if master != nil && away == nil {
				away = p.ask(cmd.Context(), master, plan, a.speeds())
			}
			if cmd.Context().Err() != nil {
				return errInterrupted
			}
			if away != nil {
				f := faultOf(away)
				p.Warnings = append(p.Warnings, strings.TrimSuffix("what the farm has and can do is not known: "+f.Text+"; "+f.Hint, "; "))
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
	jobSettings(c, &o)
	c.Flags().BoolVar(&offline, "offline", false, "look at the scene only; ask no master")
	return c
}

func preflightOf(file string, plan *client.Plan, allowMissing bool) *preflight {
	p := &preflight{
		Blend: file, Frames: plan.Spec.PictureNames(plan.Spec.Pictures()), Total: plan.Spec.Pictures().Count(), Engine: plan.Scene.Engine, Blender: fmt.Sprintf("%d.%d", plan.Scene.Saved.Major, plan.Scene.Saved.Minor),
		Files: len(plan.Files), Bytes: plan.Bytes, Missing: plan.Missing, Warnings: plan.Warnings,
	}
	for _, err := range plan.Faults {
		p.fault(err)
	}
	if n := len(plan.Missing); n > 0 && allowMissing {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s missing; the pictures will show it", are(n, "file")))
	}
	return p
}

func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return count(n, noun) + " are"
}

func (p *preflight) fault(err error) { p.Errors = append(p.Errors, faultOf(err)) }

func faultOf(err error) fault {
	var o *farm.Obstacle
	if errors.As(err, &o) {
		return *o
	}
	f := fault{Text: err.Error()}
	var e *farm.Error
	if errors.As(err, &e) {
		f.Hint = e.Hint
	}
	return f
}

// ask asks the master what it has and who of its workers could render the scene.
func (p *preflight) ask(ctx context.Context, master *wire.Client, plan *client.Plan, speeds client.Speeds) error {
	if len(plan.Files) > 0 {
		files, bytes, err := plan.Lacking(ctx, master)
		if err != nil {
			return err
		}
		p.Lacking = &amount{Files: files, Bytes: bytes}
		if info, err := master.Info(ctx); err == nil {
			p.Lacking.Seconds = speeds.Guess(info.ID, bytes).Seconds()
		}
	}
	fit, err := fitOf(ctx, master, plan)
	if err != nil {
		return err
	}
	p.Fit = &fit
	if text := noneFits(&fit); text != "" {
		p.Warnings = append(p.Warnings, text)
	}
	return nil
}

func (a *app) showPreflight(p *preflight) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(a.out, "%-9s  %s\n", name, fmt.Sprintf(format, args...))
	}
	row("scene", "%s", plainText(p.Blend))
	if p.Total > 0 { // else it could not be read
		row("frames", "%d, %s", p.Total, p.Frames)
		row("engine", "%s, saved by Blender %s", plainText(p.Engine), p.Blender)
	}
	switch {
	case p.Files == 0:
	case p.Lacking == nil:
		row("files", "%s, %s", count(p.Files, "file"), size(p.Bytes))
	case p.Lacking.Files == 0:
		row("files", "%s, %s; the master has them all", count(p.Files, "file"), size(p.Bytes))
	case p.Lacking.Bytes == p.Bytes:
		row("files", "%s, %s, all to be sent%s", count(p.Files, "file"), size(p.Bytes), p.Lacking.time())
	default:
		row("files", "%s, %s; to be sent: %s, %s%s", count(p.Files, "file"), size(p.Bytes), count(p.Lacking.Files, "file"), size(p.Lacking.Bytes), p.Lacking.time())
	}
	if p.Fit != nil {
		row("workers", "%d of %d that are online can render it", p.Fit.Fit, p.Fit.Online)
		for _, line := range lacks(p.Fit) {
			row("", "%s", line)
		}
	}
	for _, m := range p.Missing {
		row("missing", "%s (%s of %s)", plainText(m.Path), m.Kind, plainText(strings.Join(m.Users, ", ")))
	}
	for _, w := range p.Warnings {
		row("warning", "%s", plainText(w))
	}
	for _, f := range p.Errors {
		row("error", "%s", plainText(f.Text))
		if f.Hint != "" {
			row("", "%s", plainText(f.Hint))
		}
	}
	if len(p.Errors) == 0 {
		row("", "Nothing keeps it from being sent.")
	}
}

// time says how long sending takes, as the end of a line.
func (l *amount) time() string {
	if l.Seconds == 0 {
		return ""
	}
	return fmt.Sprintf(", about %s at the pace of last time", span(time.Duration(l.Seconds*float64(time.Second))))
}

// fitOf asks who could render the plan now.
func fitOf(ctx context.Context, master *wire.Client, plan *client.Plan) (farm.Fit, error) {
	return master.FitFor(ctx, wire.FitRequest{Needs: plan.Spec.Needs, Scripts: plan.Spec.Options.Scripts})
}

// noneFits says that nobody could, and why no more; "" when somebody can.
func noneFits(fit *farm.Fit) string {
	switch {
	case fit.Fit > 0:
		return ""
	case fit.Online == 0:
		return "no worker is online; the job waits for one"
	}
	return "no worker that is online can render this; the job waits for one"
}

// lacks says why workers cannot, a line for each reason.
func lacks(fit *farm.Fit) (lines []string) {
	for _, l := range fit.Lacks {
		who := plainText(l.Worker)
		if l.Workers > 1 {
			who += " and " + count(l.Workers-1, "other")
		}
		lines = append(lines, who+": "+plainText(l.Text))
	}
	return lines
}
