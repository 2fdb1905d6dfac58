package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	nr "github.com/netrender/netrender/internal/farm"
)

// looks are how each page is shown.
var looks = []struct {
	name          string
	width, height int64
	dark          bool
}{{"light", 1240, 860, false}, {"dark", 1240, 860, true}, {"phone", 390, 780, false}}

const quality = 62 // of WebP

// camera is a headless Chromium that is logged in.
type camera struct {
	f         *farm
	out, only string
	ctx       context.Context
	close     func()
	size      int64 // of all pictures
}

func openCamera(f *farm, out, only string) (*camera, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(f.dir, "browser")),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, leave := chromedp.NewContext(ctx)
	c := &camera{f: f, out: out, only: only, ctx: ctx, close: func() {
		_ = chromedp.Cancel(ctx)
		leave()
		stop()
	}}
	link, err := f.link()
	if err == nil {
		err = chromedp.Do(ctx, chromedp.Navigate(link))
	}
	if err == nil {
		err = c.press("Log in")
	}
	if err == nil { // else going on would break it off
		err = c.until(`location.pathname == "/" && !!document.querySelector("h1")`)
	}
	return c, err
}

// until waits until an expression is true in the page.
func (c *camera) until(expression string) error {
	return eventually("the page has "+expression, time.Minute, func() bool {
		ctx, stop := context.WithTimeout(c.ctx, 10*time.Second)
		defer stop()
		yes, _ := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return yes
	})
}

func (c *camera) press(words string) error {
	return c.until(`(() => { const e = [...document.querySelectorAll("button, a, label, summary")].find(e => e.textContent.trim() == ` + strconv.Quote(words) + `); if (e) e.click(); return !!e; })()`)
}

func (c *camera) look(width, height int64, dark bool) error {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	if err := chromedp.Do(c.ctx, chromedp.EmulateViewport(width, height)); err != nil {
		return err
	}
	_, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
	return err
}

// take takes the pictures of a page that is shown, in every look.
func (c *camera) take(name string, visit func() error) error {
	if !strings.HasPrefix(name, c.only) {
		return nil
	}
	for _, l := range looks {
		if err := c.look(l.width, l.height, l.dark); err != nil {
			return err
		}
		if visit != nil {
			if err := visit(); err != nil {
				return err
			}
		}
		if err := c.until(`document.readyState == "complete" && !!document.querySelector("h1") && !document.querySelector("[aria-busy=true]") && [...document.images].every(i => i.complete || i.loading == "lazy" && i.getBoundingClientRect().top > innerHeight)`); err != nil {
			return err
		}
		time.Sleep(700 * time.Millisecond) // charts move into place
		webp, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
			q := int64(quality)
			r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &q})
			return r.Data, err
		})
		if err != nil {
			return err
		}
		c.size += int64(len(webp))
		if err := os.WriteFile(filepath.Join(c.out, name+"-"+l.name+".webp"), webp, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%s, %d kB in all\n", name, c.size/1000)
	return nil
}

// at is a page by its address, once an expression is true in it.
func (c *camera) at(path, ready string) func() error {
	return func() error {
		if err := chromedp.Do(c.ctx, chromedp.Navigate(c.f.url+path)); err != nil {
			return err
		}
		if ready == "" {
			return nil
		}
		return c.until(ready)
	}
}

// submit takes the pictures of a scene that was dropped, before there are workers that render nothing.
func (c *camera) submit(scene string) error {
	if c.only != "" && !strings.HasPrefix("submit", c.only) {
		return nil
	}
	if err := c.at("/submit", `!!document.querySelector("input[type=file]")`)(); err != nil {
		return err
	}
	if _, err := chromedp.Run(c.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		doc, err := cdp.Call(ctx, t, dom.GetDocument, dom.GetDocumentParams{})
		if err != nil {
			return chromedp.Void{}, err
		}
		field, err := cdp.Call(ctx, t, dom.QuerySelector, dom.QuerySelectorParams{NodeID: doc.Root.NodeID, Selector: "input[type=file]:not([webkitdirectory])"})
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = cdp.Call(ctx, t, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{scene}, NodeID: field.NodeID})
		return chromedp.Void{}, err
	}); err != nil {
		return err
	}
	if err := c.until(`!!document.querySelector(".lookscene")`); err != nil {
		return err
	}
	return c.take("submit", nil)
}

func (c *camera) all(j jobs) error {
	list, err := c.f.client().Workers(c.ctx)
	if err != nil {
		return err
	}
	oak := nr.WorkerID("")
	for i := range list {
		if list[i].Name == "oak" {
			oak = list[i].ID
		}
	}
	canvas := `(() => { const c = document.querySelector("main canvas"); return !!c && c.width > 0; })()`
	pictures := []struct{ name, path, ready string }{
		{"home", "/", `document.querySelectorAll(".pictures img").length > 3`},
		{"jobs", "/jobs", `document.querySelectorAll("main tbody tr").length > 5`},
		{"job", fmt.Sprintf("/jobs/%d", j.stones), `document.querySelectorAll(".pictures img").length > 3`},
		{"stages", fmt.Sprintf("/jobs/%d", j.still), `!!document.querySelector(".stages")`},
		{"tiles", fmt.Sprintf("/jobs/%d/frames/1", j.still), `(() => { const h = [...document.querySelectorAll("h2")].find(h => h.textContent == "Tiles"); if (h) h.scrollIntoView(); return !!h && document.querySelectorAll("main tbody tr").length > 12; })()`},
		{"growing", fmt.Sprintf("/jobs/%d/viewer", j.poster), `/ of 12 tiles/.test(document.querySelector(".viewer .partly")?.textContent)`},
		{"frames", fmt.Sprintf("/jobs/%d/frames", j.hangar), canvas},
		{"frame", fmt.Sprintf("/jobs/%d/frames/5", j.stones), `!!document.querySelector(".framepicture img")`},
		{"viewer", fmt.Sprintf("/jobs/%d/viewer?frame=5", j.stones), canvas},
		{"passes", fmt.Sprintf("/jobs/%d/viewer?frame=5&pass=ViewLayer.Normal", j.stones), canvas},
		{"compare", fmt.Sprintf("/jobs/%d/viewer?frame=2&with=9", j.stones), canvas},
		{"timeline", fmt.Sprintf("/jobs/%d/timeline", j.hangar), `!!document.querySelector(".u-wrap")`},
		{"files", fmt.Sprintf("/jobs/%d/files", j.hangar), `document.querySelectorAll("main tbody tr").length > 0`},
		{"log", fmt.Sprintf("/jobs/%d/log/3", j.stones), `document.querySelectorAll(".log pre span").length > 3`},
		{"failed", fmt.Sprintf("/jobs/%d", j.broken), `document.body.innerText.includes("What went wrong")`},
		{"workers", "/workers", `document.querySelectorAll("main tbody tr").length > 8`},
		{"worker", "/workers/" + string(oak), `document.body.innerText.includes("Cores") || document.body.innerText.includes("cores")`},
		{"add-worker", "/add-worker", `document.body.innerText.includes("willow")`},
		{"balancing", "/balancing", `document.querySelectorAll("main input").length > 3`},
		{"statistics", "/statistics", `document.querySelectorAll("main tbody tr").length > 1`},
		{"tokens", "/settings", `document.querySelectorAll("main tbody tr").length > 2`},
		{"notifications", "/settings/notifications", ""},
		{"cleaning", "/settings/cleaning", ""},
		{"commands", "/settings/commands", ""},
		{"audit", "/settings/audit", `document.querySelectorAll("main tbody tr").length > 2`},
		{"about", "/settings/about", ""},
	}
	for _, p := range pictures {
		if err := c.take(p.name, c.at(p.path, p.ready)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}
