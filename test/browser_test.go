package test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with a profile of its own, and one page.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// openBrowser starts one, or skips the test when there is none and none is required.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("NETRENDER_TEST_BROWSER") == "required" {
			t.Fatal("there is no Chromium; make setup installs it")
		}
		t.Skip("there is no Chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("ignore-certificate-errors", true), // the master makes its own certificate
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	ctx, stopProcess := chromedp.NewExecAllocator(ctx, opts...)
	ctx, stopPage := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until it is gone
		stopPage()
		stopProcess()
		stop()
	})
	b := &browser{t, ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	b.look(1280, 900, false)
	return b
}

func do[T any](b *browser, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 30*time.Second)
	defer stop()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v\nthe page is %s", what, err, b.text())
	}
	return v
}

// visit loads an address.
func (b *browser) visit(url string) {
	b.t.Helper()
	do(b, "visiting "+url, chromedp.Navigate(url))
}

// press clicks a button or link by what it says, as soon as it is there. Pages load themselves again meanwhile, so it is
// found and clicked in one step.
func (b *browser) press(words string) {
	b.t.Helper()
	b.until(`a button or link "`+words+`"`, `(() => {
		const e = [...document.querySelectorAll("main button, main a, header button, header a")].find(e => e.textContent.trim() == `+strconv.Quote(words)+`);
		if (e) e.click();
		return !!e;
	})()`)
}

// sees waits until the page says all of the words, as it is or as it loads itself again.
func (b *browser) sees(words ...string) {
	b.t.Helper()
	for _, w := range words {
		b.until(`the words "`+w+`"`, `document.readyState == "complete" && document.body.innerText.includes(`+strconv.Quote(w)+`)`)
	}
}

// until waits until an expression is true in the page, over whatever the page loads.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		ctx, stop := context.WithTimeout(b.ctx, 10*time.Second)
		yes, _ := chromedp.Run(ctx, chromedp.Evaluate[bool](expression)) // fails while another page loads
		stop()
		if yes {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("there is no %s on the page %s", what, b.text())
		}
		<-time.After(30 * time.Millisecond)
	}
}

func (b *browser) text() string {
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	return text
}

// value is what a JavaScript expression gives in the page.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	return do(b, expression, chromedp.Evaluate[T](expression))
}

// look sets the size of the window, and whether its owner likes it dark.
func (b *browser) look(width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	do(b, "resizing", chromedp.EmulateViewport(width, height))
	do(b, "choosing colours", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
}

// keep writes a picture of the page into the folder NETRENDER_SCREENSHOTS, if one is named.
func (b *browser) keep(name string) {
	b.t.Helper()
	dir := os.Getenv("NETRENDER_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := do(b, "taking a picture", chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// axe is the checker of accessibility that make setup gets where it can (npm); "" when it is not there.
func axe(t *testing.T) string {
	text, err := os.ReadFile("../.cache/axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Log("axe is not there; pages are not checked for accessibility")
	}
	return string(text)
}

// accessible has axe look at a page, in light and dark and at the width of a phone.
func (b *browser) accessible(axe, url string) {
	b.t.Helper()
	if axe == "" {
		return
	}
	defer b.look(1280, 900, false)
	for _, look := range []struct {
		width int64
		dark  bool
	}{{1280, false}, {1280, true}, {390, false}} {
		b.look(look.width, 900, look.dark)
		b.visit(url)
		b.until("page that is read", `document.readyState == "complete" && !document.querySelector("[aria-busy=true]") && !!document.querySelector("h1")`)
		if wide := value[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
			b.t.Errorf("%s, %d wide: it goes %d pixels beyond the window", url, look.width, wide)
		}
		_ = do(b, "loading axe", chromedp.Evaluate[any](axe+"; 1"))
		for _, wrong := range do(b, "running axe", chromedp.Evaluate[[]string](
			`axe.run().then(r => r.violations.map(v => v.impact + " " + v.id + ": " + v.nodes.map(n => n.html).join(" | ")))`, chromedp.EvalAwaitPromise)) {
			b.t.Errorf("%s, %d wide, dark %v: %s", url, look.width, look.dark, wrong)
		}
	}
}

// ownAddress is an address of this machine that browsers do not take for the machine itself; "" when there is none.
func ownAddress() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}
