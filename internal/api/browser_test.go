package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

// withBrowser is a farm that knows browsers by the header X-Cookie.
func withBrowser(t *testing.T) (*house, *master.Master) {
	var m *master.Master
	h := open(t, func(o *Options) {
		o.Browser = func(w http.ResponseWriter, r *http.Request) (master.Identity, bool, error) {
			switch cookie := r.Header.Get("X-Cookie"); cookie {
			case "":
				return master.Identity{}, false, nil
			case "stolen":
				return master.Identity{}, false, farm.Errorf(farm.Denied, "not from our page")
			default:
				w.Header().Set("X-From", "browser")
				who, err := m.LoggedIn(cookie, "")
				return who, err == nil, nil
			}
		}
	})
	m = h.m
	return h, m
}

func (h *house) logIn(role farm.Role) (cookie string) {
	h.t.Helper()
	link, err := h.client(role).AskLogin(within(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	if time.Until(link.Expires) <= 0 {
		h.t.Fatalf("the link expires at %s", link.Expires)
	}
	secret, ok := strings.CutPrefix(link.Path, wire.LoginRoot)
	if !ok {
		h.t.Fatalf("the link is %s", link.Path)
	}
	if cookie, err = h.m.LogIn(within(h.t), secret, "10.0.0.7", "Browser/1.0"); err != nil {
		h.t.Fatal(err)
	}
	return cookie
}

func TestBrowsersMakeCallsWithTheRoleOfTheirToken(t *testing.T) {
	h, _ := withBrowser(t)
	cookie := h.logIn(farm.RoleView)
	call := func(method, path string, header ...string) (int, http.Header) {
		resp, _ := h.send(nobody, method, wire.Root+path, nil, header...)
		return resp.StatusCode, resp.Header
	}
	if status, header := call("GET", "/jobs", "X-Cookie", cookie); status != 200 || header.Get("X-From") != "browser" {
		t.Errorf("a browser that is logged in: %d %v", status, header)
	}
	if status, _ := call("GET", "/tokens", "X-Cookie", cookie); status != 403 {
		t.Errorf("a browser that may only look: %d", status)
	}
	if status, _ := call("GET", "/jobs", "X-Cookie", "stolen"); status != 403 {
		t.Errorf("a page of another site: %d", status)
	}
	if status, header := call("GET", "/jobs", "X-Cookie", "old"); status != 401 || header.Get("WWW-Authenticate") == "" {
		t.Errorf("a browser that was logged out: %d", status)
	}
	// A token counts, whatever cookie comes with it.
	if status, header := call("GET", "/tokens", "X-Cookie", "stolen", "Authorization", "Bearer "+h.secret[farm.RoleAdmin]); status != 200 || header.Get("X-From") != "" {
		t.Errorf("a token beside a cookie: %d %v", status, header)
	}
}

func TestLoginsAreListedAndEnded(t *testing.T) {
	h, _ := withBrowser(t)
	cookie := h.logIn(farm.RoleSubmit)
	admin := h.client(farm.RoleAdmin)
	list, err := admin.Logins(within(t))
	if err != nil || len(list) != 1 || list[0].Name != "the submit" || list[0].Role != farm.RoleSubmit || list[0].Hash != "" {
		t.Fatalf("logins: %+v, %v", list, err)
	}
	// What the browser has open ends with the login.
	r, _ := http.NewRequestWithContext(within(t), "GET", h.url+wire.Root+"/events", nil)
	r.Header.Set("X-Cookie", cookie)
	stream, err := http.DefaultClient.Do(r)
	if err != nil || stream.StatusCode != 200 {
		t.Fatalf("events: %v, %v", stream, err)
	}
	defer stream.Body.Close()
	if err := admin.EndLogin(within(t), list[0].ID); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1024)
	for err == nil {
		_, err = stream.Body.Read(buffer)
	}
	if resp, _ := h.send(nobody, "GET", wire.Root+"/jobs", nil, "X-Cookie", cookie); resp.StatusCode != 401 {
		t.Errorf("a login that was ended: %d", resp.StatusCode)
	}
	wantKind(t, admin.EndLogin(within(t), list[0].ID), farm.NotFound)
	if _, err := h.client(farm.RoleWorker).AskLogin(within(t)); farm.KindOf(err) != farm.Denied {
		t.Errorf("a worker asks for a link: %v", err)
	}
}
