// Command pictures takes the pictures of the pages that docs/pages.md shows: of a farm with two workers that have Blender
// and ten that render nothing, in light, dark and as wide as a phone. Run it with make pictures; the farm's folder is
// pictures/, which may go afterwards.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

const folder = "pictures"

func main() {
	out := flag.String("out", "docs/images/pages", "where the pictures go")
	only := flag.String("only", "", "only pictures whose names begin so")
	stay := flag.Bool("stay", false, "leave the farm running until this is interrupted")
	samples := flag.Int("samples", 8, "of each pixel, in the frames that Blender renders")
	flag.Parse()
	if err := run(*out, *only, *samples, *stay); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(out, only string, samples int, stay bool) error {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, d := range []string{dir, out} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	fmt.Println("a farm with two workers that have Blender")
	f, err := startFarm(dir)
	if f != nil {
		defer f.stop()
	}
	if err != nil {
		return err
	}
	enough := make(chan os.Signal, 1)
	signal.Notify(enough, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-enough
		f.stop()
		os.Exit(1)
	}()
	scene := filepath.Join(dir, "stones.blend")
	if text, err := exec.Command(f.blender, "-b", "--factory-startup", "--python-exit-code", "1", "--python", "tools/pictures/scene.py", "--",
		scene, strconv.Itoa(samples), "640").CombinedOutput(); err != nil {
		return fmt.Errorf("the scene cannot be made: %w\n%s", err, text)
	}
	c, err := openCamera(f, out, only)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.submit(scene); err != nil {
		return err
	}
	fmt.Println("ten more workers, and jobs for all")
	jobs, err := f.fill(scene)
	if err != nil {
		return err
	}
	fmt.Println("pictures in", out)
	if err := c.all(jobs); err != nil {
		return err
	}
	if stay {
		link, err := f.run("login", "--json")
		if err != nil {
			return err
		}
		fmt.Println(f.url, f.token, link)
		select {}
	}
	return nil
}

// jobs are those of which pictures are taken.
type jobs struct{ stones, hangar, still, broken, poster nr.JobID }

// fill sends jobs of three people and waits until there is something to see of each.
func (f *farm) fill(scene string) (j jobs, err error) {
	ctx := context.Background()
	people := map[string]*wire.Client{}
	for _, name := range []string{"anna", "ben", "chris"} {
		t, err := f.client().CreateToken(ctx, name, nr.RoleSubmit)
		if err != nil {
			return j, err
		}
		people[name] = f.as(t.Secret)
	}
	render := exec.Command(f.program, "render", scene, "-f", "1-12", "-o", filepath.Join(f.dir, "frames"), "--allow", "oak,elm", "--exr", "half",
		"--blender", f.blender, "--name", "Standing stones", "--json")
	render.Env = f.env()
	if err := render.Start(); err != nil {
		return j, err
	}
	defer render.Process.Kill() // it only waits
	if err := f.crowd(); err != nil {
		return j, err
	}
	text := func(name string) map[string]string {
		return map[string]string{name + ".blend": "a scene", "textures/wall.png": "a wall", "textures/floor.png": "a floor"}
	}
	send := func(who, name, frames string, files map[string]string, edit func(*nr.JobSpec)) nr.JobID {
		if err != nil {
			return 0
		}
		var id nr.JobID
		id, err = f.send(people[who], name, frames, files, edit)
		return id
	}
	send("ben", "sh010 corridor", "1-24", text("sh010 corridor"), nil)
	j.hangar = send("anna", "sh020 hangar", "1-480", text("sh020 hangar"), func(s *nr.JobSpec) { s.Priority = 3 })
	j.still = send("chris", "posters in tiles", "1-200", text("posters in tiles"), func(s *nr.JobSpec) {
		s.Tiles, s.Priority = nr.Tiles{X: 4, Y: 3}, 2
	})
	send("ben", "sh030 lift", "1-240", text("sh030 lift"), nil)
	send("anna", "sh040 a name that is much longer than most, as those of shots are that say all about themselves, v013 final", "1001-1096",
		text("sh040 a name that is much longer than most, as those of shots are that say all about themselves, v013 final"), nil)
	send("ben", "sh050 waits for a large graphics card", "1-100", text("sh050 waits for a large graphics card"), func(s *nr.JobSpec) { s.Needs.GPU = "optix" })
	send("chris", "sh060 files are missing", "1-50", map[string]string{"sh060 files are missing.blend": "a scene", "caches/smoke.vdb": ""}, nil)
	j.broken = send("chris", "sh070 not a scene", "1-8", text("sh070 not a scene"), func(s *nr.JobSpec) {
		s.Needs, s.Attempts, s.Priority = nr.Needs{Allow: []string{"elm"}}, 1, 100
	})
	if err != nil {
		return j, err
	}
	token := f.token
	f.token = "" // who has none asks to be let in
	err = f.worker("willow", "--fake-renderer", "3s")
	if f.token = token; err != nil {
		return j, err
	}
	err = eventually("frames are rendered", 20*time.Minute, func() bool {
		if j.stones == 0 {
			list, err := f.client().Jobs(ctx, nr.JobFilter{Text: "Standing stones", Limit: 1})
			if err != nil || len(list.Jobs) == 0 {
				return false
			}
			j.stones = list.Jobs[0].ID
		}
		done := func(id nr.JobID) int {
			job, _ := f.client().Job(ctx, id)
			return job.Done
		}
		broken, _ := f.client().Job(ctx, j.broken)
		return done(j.stones) >= 10 && done(j.hangar) >= 120 && done(j.still) >= 18 && broken.State == nr.Failed
	})
	if err == nil {
		j.poster, err = f.poster(scene)
	}
	return j, err
}

// poster is a still of which some tiles are there, and no more of them come.
func (f *farm) poster(scene string) (nr.JobID, error) {
	ctx := context.Background()
	text, err := f.run("submit", scene, "-f", "4", "--tiles", "4x3", "--allow", "oak,elm", "--priority", "100", "--blender", f.blender, "--name", "Poster of the stones")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, err
	}
	id := nr.JobID(n)
	if err := eventually("some tiles are rendered", 5*time.Minute, func() bool {
		job, err := f.client().Job(ctx, id)
		return err == nil && job.Done >= 6
	}); err != nil {
		return 0, err
	}
	if _, err := f.client().PauseJob(ctx, id); err != nil {
		return 0, err
	}
	return id, eventually("no tile is being rendered", time.Minute, func() bool {
		job, err := f.client().Job(ctx, id)
		return err == nil && job.Running == 0
	})
}

// link is an address that logs in.
func (f *farm) link() (string, error) {
	text, err := f.run("login", "--json")
	var link struct{ URL string }
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimSpace(text)), &link)
	}
	return link.URL, err
}
