package web_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/web"
)

// TestAuditPage: what was done is told in words, the newest first, with who did it and from where; for admins only.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	b := fill(t, plain)
	admin := b.as("root", farm.RoleAdmin)
	for _, verb := range []string{"pause", "resume", "cancel"} {
		if a := admin.send(http.MethodPost, "/api/v1/jobs/1/"+verb, ""); a.status != http.StatusOK {
			t.Fatalf("%s: %d", verb, a.status)
		}
	}
	a := admin.get("/audit")
	says(t, a, `<a href="/audit" aria-current="page">Audit</a>`, `<bdi>canceled job</bdi> <a href="/jobs/1">1</a>`, `<bdi>sent job</bdi> <a href="/jobs/1">1</a>`,
		`<bdi>anna</bdi>`, "127.0.0.1", "<bdi>logged in</bdi>", "<bdi>made token</bdi>", "(admin)")
	saysNot(t, a, "http-equiv", "Older", "Newest")
	if at := strings.Index(a.text, "canceled job"); at > strings.Index(a.text, "resumed job") || at > strings.Index(a.text, "sent job") {
		t.Error("the newest is not first")
	}
	for _, role := range []farm.Role{farm.RoleView, farm.RoleSubmit} {
		other := b.as("vera", role)
		if a := other.get("/audit"); a.status != http.StatusForbidden || strings.Contains(a.text, "canceled job") {
			t.Errorf("a browser of the role %s: %d", role, a.status)
		}
		saysNot(t, other.get("/plain"), "/audit")
	}
	if a := b.visitor().get("/audit"); a.status != http.StatusUnauthorized {
		t.Errorf("a visitor: %d", a.status)
	}
	says(t, open(t, func(o *web.Options) { o.Open = true }).visitor().get("/audit"), "Nothing yet")
}

// TestAuditOfOne: a name leads to what the same token did, whatever it is called.
func TestAuditOfOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as("root", farm.RoleAdmin)
	ctx := context.Background()
	for _, id := range []string{"token&one=1", "two"} {
		if err := h.m.Note(ctx, master.Identity{Token: id, Name: "ann " + id, Role: farm.RoleAdmin}, farm.DidVerify, "", "by "+id); err != nil {
			t.Fatal(err)
		}
	}
	link := regexp.MustCompile(`href="([^"]+)"><bdi>ann token&amp;one=1`).FindStringSubmatch(admin.get("/audit").text)
	if link == nil || link[1] != "/audit?who=token%26one%3D1" {
		t.Fatalf("the link is %q", link)
	}
	a := admin.get(link[1])
	says(t, a, "Done by <bdi>ann token&amp;one=1</bdi>", "by token&amp;one=1", `<a href="/audit">What everybody did</a>`)
	saysNot(t, a, "by two", "made token")
	says(t, admin.get("/audit?who=nobody"), "Nothing.")
}

func TestPagingThroughTheAudit(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as("root", farm.RoleAdmin)
	anna := master.Identity{Token: "t-anna", Name: "anna", Role: farm.RoleAdmin}
	for i := range 200 {
		if err := h.m.Note(context.Background(), anna, farm.DidVerify, "", fmt.Sprintf("number %03d.", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	older := func(a reply) string {
		t.Helper()
		m := regexp.MustCompile(`href="(/audit\?[^"]+)" rel="next">Older`).FindStringSubmatch(a.text)
		if m == nil {
			t.Fatalf("there is no older page:\n%s", a.main())
		}
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	a := admin.get("/audit?who=t-anna")
	says(t, a, "number 200.", "number 101.")
	saysNot(t, a, "number 100.", "Newest")
	a = admin.get(older(a))
	says(t, a, "number 100.", "number 001.", `<a href="/audit?who=t-anna">Newest</a>`)
	saysNot(t, a, "number 101.", "Older") // the last page is just full
	a = admin.get(older(admin.get(older(admin.get("/audit")))))
	says(t, a, "made token", `<a href="/audit">Newest</a>`)
	saysNot(t, a, "number", "Older")
	for _, path := range []string{"/audit?before=x", "/audit?before=-1", "/audit?before=0", "/audit?before=99999999999999999999"} {
		if a := admin.get(path); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	says(t, admin.get("/audit?before=1"), "There is nothing older")
}
