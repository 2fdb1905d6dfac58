package web

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

const (
	zipPiece = 64 << 10         // bytes
	zipStall = 30 * time.Second // how long a reader may take for a piece
)

// Addons makes zips of the add-on for Blender. Everybody may have one who reaches the master, for nothing in it is
// secret: free programs, the address that was asked, and the key that the master shows to whoever connects. Somebody who
// was not let in yet needs it to ask for that.
type Addons interface {
	Platforms() []Platform
	Zip(ctx context.Context, platform, master string) (*AddonZip, error)
}

// Platform is one for which there is an add-on.
type Platform struct {
	ID    string
	Title string
	Here  bool // its program can be inside
}

// AddonZip is a zip to be written.
type AddonZip struct {
	Size  int64
	Mark  string // of its bytes
	Write func(io.Writer) error
	Close func()
}

// addonPage offers the add-on.
type addonPage struct {
	shell
	Offered []Platform // the reader's own system first
	Mine    int        // how many of them are for it
	Safari  bool       // which unpacks zips by itself
	Lacking []Platform
}

func (p *Pages) addon(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	page := addonPage{shell: p.shell(r, who, "Blender add-on", "addon")}
	system := systemIn(r.UserAgent())
	page.Safari = system == "darwin" && strings.Contains(r.UserAgent(), "Safari/") && !strings.Contains(r.UserAgent(), "Chrome/")
	var others []Platform
	for _, f := range p.opt.Addons.Platforms() {
		switch {
		case !f.Here:
			page.Lacking = append(page.Lacking, f)
		case system != "" && strings.HasPrefix(f.ID, system+"-"):
			page.Offered = append(page.Offered, f)
		default:
			others = append(others, f)
		}
	}
	page.Mine = len(page.Offered)
	page.Offered = append(page.Offered, others...)
	return p.show(w, http.StatusOK, "addon", page)
}

// systemIn is the system that a browser says it runs on, as platforms begin; "" when it is none of them.
func systemIn(agent string) string {
	switch {
	case strings.Contains(agent, "Windows NT"):
		return "windows"
	case strings.Contains(agent, "Macintosh"):
		return "darwin"
	case strings.Contains(agent, "Linux") && !strings.Contains(agent, "Android"):
		return "linux"
	}
	return ""
}

// addonZip sends the add-on for a platform, or one without a program. Browsers may keep it, and ask whether it is still
// the same.
func (p *Pages) addonZip(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	platform := r.URL.Query().Get("platform")
	zip, err := p.opt.Addons.Zip(r.Context(), platform, p.masterFor(r, who.Role != ""))
	if err != nil {
		if farm.KindOf(err) == farm.NotFound {
			err = farm.Errorf(farm.NotFound, "%s", err.Error()).WithHint("there is an add-on without a program, which uses the one on the PATH")
		}
		return err
	}
	defer zip.Close()
	name := "netrender-addon.zip"
	if platform != "" {
		name = "netrender-addon-" + platform + ".zip"
	}
	h := w.Header()
	mark := `"` + zip.Mark + `"`
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", mark)
	if r.Header.Get("If-None-Match") == mark {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.FormatInt(zip.Size, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	out := bufio.NewWriterSize(&patient{w, http.NewResponseController(w), p}, zipPiece)
	if err = zip.Write(out); err == nil {
		err = out.Flush()
	}
	if err != nil && r.Context().Err() == nil {
		p.log.Debug("an add-on was not sent whole", "platform", platform, "err", err)
	}
	return nil
}

// patient gives the reader time anew for each piece.
type patient struct {
	w  io.Writer
	rc *http.ResponseController
	p  *Pages
}

func (s *patient) Write(piece []byte) (int, error) {
	_ = s.rc.SetWriteDeadline(s.p.opt.Now().Add(zipStall)) // not all servers have one
	return s.w.Write(piece)
}

// masterFor is the address by which an add-on finds the master: the one that the browser has come by, for it works from
// there. This machine's own name for itself is of no use to others; who is logged in gets another then, strangers are not
// told of any.
func (p *Pages) masterFor(r *http.Request, known bool) string {
	first := cmp.Or(best(p.opt.Addresses(), r.Host)...)
	address, pin, _ := strings.Cut(first, "#")
	u, err := url.Parse("http://" + r.Host)
	if err != nil || u.Host != r.Host || u.Hostname() == "" || strings.ContainsAny(r.Host, "#/?@\\\"'<> ") {
		return ""
	}
	if loopback(u.Hostname()) && known {
		return first
	}
	scheme := "http://"
	switch own, err := url.Parse(address); {
	case err == nil && own.Host == r.Host:
		return first
	case r.TLS != nil && pin == "" && isAddress(u.Hostname()): // a certificate that is checked by its name
		return first
	case r.TLS != nil:
		scheme = "https://"
	case r.Header.Get("X-Forwarded-Proto") == "https": // said to whoever asks only
		scheme, pin = "https://", ""
	default:
		pin = ""
	}
	if pin != "" {
		pin = "#" + pin
	}
	return scheme + r.Host + pin
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}
