package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/client"
	"github.com/netrender/netrender/internal/farm"
)

// runner is the command that holds a Blender's process tree together: this program under another verb.
func runner() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, runTreeVerb}
}

// blenders finds the Blenders of this machine and asks each what it is; what is known from last time is not asked
// again. Those that do not answer are told and left out. Quick does not try whether engines that need a display work.
func blenders(ctx context.Context, named []string, data string, quick bool) (found []blender.Install, problems []error) {
	home, _ := os.UserHomeDir()
	search := blender.Search{
		Named: named, OnlyNamed: len(named) > 0, Home: home,
		Programs: []string{os.Getenv("ProgramFiles"), os.Getenv("ProgramFiles(x86)"), os.Getenv("ProgramW6432")},
	}
	paths, problems := search.Find()
	prober := blender.Prober{Home: filepath.Join(data, "probe"), Cache: filepath.Join(data, "blenders"), Runner: runner(), Environ: os.Environ(), Quick: quick}
	for _, path := range paths {
		in, err := prober.Probe(ctx, path)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !quick { // a worker is given no bake that its Blender aborts in
			in.Bakes = slices.DeleteFunc(in.Bakes, func(kind string) bool {
				can, _ := prober.CanBake(ctx, in, kind)
				return !can
			})
		}
		in.Added = in.UserAddons(home, os.Environ())
		found = append(found, in)
	}
	return found, problems
}

// sessionOptions are those of every session this program starts.
func sessionOptions(in blender.Install, home string) blender.Options {
	return blender.Options{Install: in, Runner: runner(), Home: home, Environ: os.Environ()}
}

// readScene has the newest Blender of this machine read a scene, with the add-ons that it has of those named. Place is
// where the scene lies, of which blend may be a copy. Engine renders it instead of its own, if one is named.
func (a *app) readScene(ctx context.Context, blend, place string, spec *farm.JobSpec, named, addons []string, views *client.Choice) (client.Scene, error) {
	installs, err := a.findBlenders(ctx, named, true)
	if err != nil {
		return client.Scene{}, err
	}
	newest := newestOf(installs)
	enabled, absent := localAddons(&newest, addons)
	if place, err = filepath.Abs(place); err != nil {
		return client.Scene{}, err
	}
	c, err := blender.Collect(ctx, newest, blend, blender.CollectOptions{
		Place: place, Engine: spec.Options.Engine, Frames: slices.Collect(spec.Frames.All()), Others: views.Scenes, All: slices.Contains(views.Scenes, client.All),
		Addons: enabled, Runner: runner(), Environ: os.Environ(),
	})
	if err != nil {
		return client.Scene{}, sceneError(err)
	}
	scene := client.SceneOf(&c)
	if len(absent) > 0 { // what it would make of the scene cannot be seen here
		scene.Warnings = append(scene.Warnings, "this machine's Blender lacks the add-on "+strings.Join(absent, ", ")+"; files that only it knows of are not sent")
		scene.NoEngine, scene.Unknown = false, nil
	}
	return scene, nil
}

// collectedScene takes from a file what a Blender that has the scene open collected of it. The rest is as for readScene. Of a
// scene that was saved since, the error isStale.
func collectedScene(file, blend, place, engine string) (client.Scene, error) {
	place, err := filepath.Abs(place)
	if err != nil {
		return client.Scene{}, err
	}
	c, err := blender.ReadCollection(file, blend, place)
	if err == nil && engine != "" && c.Scene.Engine != engine {
		return client.Scene{}, farm.Errorf(farm.Invalid, "%s was collected for the engine %s, not %s", file, c.Scene.Engine, engine).
			WithHint("collect the scene again for the engine that renders, or leave out --collected to have it read here")
	}
	if err == nil {
		return client.SceneOf(&c), nil
	}
	var be *blender.Error
	if isStale(err) {
		return client.Scene{}, err
	}
	if errors.As(err, &be) && (be.Kind == blender.NoFile || be.Kind == blender.BadTalk) {
		return client.Scene{}, &farm.Error{Kind: farm.Invalid, Text: be.Error(), Hint: "collect the scene again, or leave out --collected to have it read here", Err: err}
	}
	return client.Scene{}, sceneError(err)
}

func isStale(err error) bool {
	var be *blender.Error
	return errors.As(err, &be) && be.Kind == blender.Stale
}

func newestOf(installs []blender.Install) blender.Install {
	newest := installs[0]
	for _, in := range installs[1:] {
		a, aerr := farm.ParseVersion(in.Version)
		b, berr := farm.ParseVersion(newest.Version)
		if aerr == nil && berr == nil && b.Before(a) {
			newest = in
		}
	}
	return newest
}

// sceneError adds what to do next to what Blender found wrong with a scene.
func sceneError(err error) error {
	var be *blender.Error
	if !errors.As(err, &be) {
		return err
	}
	e := &farm.Error{Kind: farm.Invalid, Text: be.Error(), Err: err}
	if text, _, ok := strings.Cut(e.Text, ": Error: "); ok { // Blender's own words for it help nobody
		e.Text = text
	}
	switch be.Kind {
	case blender.NotBlend:
		e.Hint = "name the .blend file itself"
	case blender.Truncated:
		e.Hint = "save it again in Blender, or copy it again"
	case blender.TooNew:
		e.Hint = "install that Blender here, or name it with --blender"
	case blender.NoAddon:
		e.Hint = "check that it is made for this Blender"
	case blender.NoFile:
		e.Kind = farm.NotFound
	}
	return e
}
