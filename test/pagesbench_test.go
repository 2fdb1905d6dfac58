package test

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

var benchPages = flag.Bool("pages", false, "TestBenchPages measures how fast the pages of a large farm are there (make bench-pages)")

// noted is put before every page: when it is of use, and how far things moved without anybody having touched anything.
const noted = `(() => {
	const of = window.noted = { useful: 0, shift: 0, moved: [] };
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) { of.shift += e.value; of.moved.push(...e.sources.map((s) => s.node?.className || s.node?.nodeName || "?")); } }).observe({ type: "layout-shift", buffered: true });
	const look = () => {
		const m = document.querySelector("main");
		if (m?.querySelector("h1") && !document.querySelector("[aria-busy=true]") && m.innerText.includes(%q)) of.useful = performance.now();
		else requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
})()`

// TestBenchPages has 1,000 jobs, one of 10,000 frames that are rendered, and 200 workers. It says, for each page: how long
// until its data is there, with an empty cache and with a full one (median of 5), what crosses the wire then, and how far
// things moved meanwhile (0.1 is what browsers' makers call good). It measures and judges nothing.
func TestBenchPages(t *testing.T) {
	if !*benchPages {
		t.Skip("not asked for: -pages")
	}
	b := openBrowser(t)
	f := startFarm(t)
	c := f.client()
	big := f.submitFake("1-10000", func(s *nr.JobSpec) {
		s.Name, s.Options, s.Chunk = "a film of 10,000 frames", nr.Options{EXR: "none"}, 1000
	})
	for i := range 200 {
		id := nr.WorkerID(fmt.Sprintf("worker-%03d", i))
		facts := nr.Facts{Cores: 16, MemoryMB: 64000, Blenders: []nr.Blender{{Version: nr.Version{Major: 99}, Engines: []string{"CYCLES"}}}}
		if _, err := c.Register(t.Context(), nr.Registration{ID: id, Name: fmt.Sprintf("node-%03d", i), Slots: 1, Fresh: true, Protocol: nr.Protocol, Facts: facts}); err != nil {
			t.Fatal(err)
		}
		go func() {
			for t.Context().Err() == nil {
				_, _ = c.Heartbeat(t.Context(), id, nr.Heartbeat{WaitMS: 4000})
			}
		}()
	}
	for i := 0; ; i++ {
		worker := nr.WorkerID(fmt.Sprintf("worker-%03d", i%200))
		g, err := c.Claim(t.Context(), nr.Wish{Worker: worker})
		if err != nil {
			t.Fatal(err)
		}
		if g == nil {
			break
		}
		var list []nr.Report
		for k, frame := range g.Lease.Frames {
			list = append(list, nr.Report{Lease: g.Lease.ID, Worker: worker, Job: g.Lease.Job, Frame: frame, Attempt: 1, Outcome: nr.Rendered, Seconds: 5 + float64(k%70)})
		}
		if _, err := c.Report(t.Context(), wire.ReportRequest{Reports: list}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 999 {
		f.submitFake("1-250", func(s *nr.JobSpec) {
			s.Name, s.Key, s.Needs.Tags = fmt.Sprintf("shot %03d", i), fmt.Sprint("bench ", i), []string{"nobody"}
		})
	}
	link, err := url.Parse(f.link(f.url))
	if err != nil {
		t.Fatal(err)
	}
	b.visit(link.String())
	b.press("Log in")
	b.sees("In progress")

	job := "/jobs/" + big.ID.String()
	var rows []string
	for _, p := range []struct{ name, path, says string }{
		{"first page", "/", "shot"},
		{"jobs", "/jobs", "shot"},
		{"job of 10,000 frames", job, "10"},
		{"its frames", job + "/frames", "done"},
		{"its times", job + "/timeline", "slowest"},
		{"workers", "/workers", "node-000"},
		{"a worker", "/workers/worker-000", "node-000"},
		{"balancing", "/balancing", "shot"},
		{"statistics", "/statistics", "Statistics"},
		{"settings", "/settings", "Settings"},
	} {
		script := do(b, "noting", func(ctx context.Context, t *chromedp.Target) (string, error) {
			r, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf(noted, p.says)})
			return string(r.Identifier), err
		})
		once := func(again bool) (useful, shift, kilobytes float64, moved string) {
			b.visit("about:blank")
			if !again {
				b.forget()
			}
			b.visit(f.url + p.path)
			b.until(p.name+", of use", `window.noted?.useful > 0`)
			b.until("rest", `performance.now() > noted.useful + 400`) // what comes later moves things, too
			return value[float64](b, `noted.useful`), value[float64](b, `noted.shift`),
				value[float64](b, `performance.getEntries().reduce((n, e) => n + (e.transferSize || 0), 0) / 1000`), value[string](b, `[...new Set(noted.moved)].slice(0, 5).join(", ")`)
		}
		var cold, warm []float64
		shift, size, moved := 0.0, 0.0, ""
		for range 5 {
			u, s, k, m := once(false)
			cold, size = append(cold, u), k
			if s > shift {
				shift, moved = s, m
			}
			u, _, _, _ = once(true)
			warm = append(warm, u)
		}
		slices.Sort(cold)
		slices.Sort(warm)
		rows = append(rows, fmt.Sprintf("| %s | %.0f ms (%.0f to %.0f) | %.0f ms | %.0f kB | %.3f %s |", p.name, cold[2], cold[0], cold[4], warm[2], size, shift, moved))
		do(b, "noting no more", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: page.ScriptIdentifier(script)})
			return chromedp.Void{}, err
		})
	}
	t.Log("\n| page | of use, empty cache | full cache | first visit | moved |\n|---|---|---|---|---|\n" + strings.Join(rows, "\n"))
}

// forget empties the browser's cache.
func (b *browser) forget() {
	b.t.Helper()
	do(b, "emptying the cache", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCache, cdp.Empty{})
		return chromedp.Void{}, err
	})
}
