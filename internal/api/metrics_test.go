package api

import (
	"bufio"
	"bytes"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// counterOf reads a metric as a scraper does; the name may carry labels.
func counterOf(t *testing.T, h *house, name string) float64 {
	t.Helper()
	resp, text := h.send(nobody, "GET", "/metrics", nil)
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		if value, ok := strings.CutPrefix(in.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no metric %s in\n%s", name, text)
	return 0
}

func TestMetrics(t *testing.T) {
	h := open(t)
	h.submit("1-4")
	h.worker(h.client(farm.RoleWorker), "worker-01", 3)
	if _, err := h.client(farm.RoleWorker).Claim(within(t), farm.Wish{Worker: "worker-01"}); err != nil {
		t.Fatal(err)
	}
	machine := h.client(farm.RoleWorker)
	if _, err := machine.Heartbeat(within(t), "worker-01", farm.Heartbeat{
		Load: farm.Load{Peer: &farm.PeerLoad{Given: 7, FromPeers: 8, FromMaster: 9, Unreachable: []string{"elm"}}},
	}); err != nil {
		t.Fatal(err)
	}
	if s, err := machine.Sources(within(t), blob.RefOf([]byte("BLENDER of 1-4")).String(), farm.SourceQuestion{Worker: "worker-01", Size: 9}); err != nil || s.Peer != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, want := range map[string]float64{
		`netrender_worker_fetched_bytes_total{from="master",worker="worker-01"}`:  9,
		`netrender_worker_fetched_bytes_total{from="workers",worker="worker-01"}`: 8,
		`netrender_worker_given_bytes_total{worker="worker-01"}`:                  7,
		`netrender_sources_total{source="master"}`:                                1, `netrender_sources_total{source="worker"}`: 0,
		`netrender_jobs{state="active"}`: 1, `netrender_jobs{state="paused"}`: 0, "netrender_workers_online": 1, "netrender_slots": 3,
		"netrender_slots_busy": 1, "netrender_leases_total": 1, "netrender_up": 1, "netrender_frames_done_total": 0,
		`netrender_requests_total{code="201",route="POST ` + wire.Root + `/jobs"}`:  1,
		`netrender_requests_total{code="200",route="POST ` + wire.Root + `/claim"}`: 1,
		`netrender_request_seconds_count{route="POST ` + wire.Root + `/claim"}`:     1,
	} {
		if got := counterOf(t, h, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
}

func TestWhoMayScrape(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		from, token, forwarded string
		status                 int
	}{
		{"127.0.0.1:9", "", "", 200},
		{"[::1]:9", "", "", 200},
		{"127.0.0.1:9", "", "10.0.0.9", 401},
		{"10.0.0.9:9", "", "", 401},
		{"10.0.0.9:9", h.secret[farm.RoleView], "", 200},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = c.from
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		w := httptest.NewRecorder()
		h.a.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("from %s with token %t: %d", c.from, c.token != "", w.Code)
		}
	}
}

func TestHealth(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, text := h.send(nobody, "GET", path, nil); resp.StatusCode != 200 || string(text) != "ok\n" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	h.a.Stop()
	resp, text := h.send(nobody, "GET", "/readyz", nil)
	wantProblem(t, resp, text, farm.Stopping)
	if resp, _ := h.send(nobody, "GET", "/healthz", nil); resp.StatusCode != 200 {
		t.Error("stopping is not dead")
	}
}

// TestDamage: what the inspection of the database found is seen by those who watch, without where it lies.
func TestDamage(t *testing.T) {
	h := open(t)
	for name, want := range map[string]float64{"netrender_database_damaged": 0, "netrender_database_checked_timestamp_seconds": 0} {
		if got := counterOf(t, h, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	h.store.inspected <- farm.Errorf(farm.Internal, "/srv/farm.db is damaged")
	until(t, "damage shows", func() bool { return counterOf(t, h, "netrender_database_damaged") == 1 })
	resp, text := h.send(nobody, "GET", "/readyz", nil)
	if resp.StatusCode != 200 || !strings.Contains(string(text), "damaged") || strings.Contains(string(text), "/srv") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	for role, told := range map[farm.Role]bool{farm.RoleView: false, farm.RoleSubmit: false, farm.RoleAdmin: true} {
		_, about := h.send(role, "GET", wire.Root+"/about", nil)
		_, needs := h.send(role, "GET", wire.Root+"/attention", nil)
		if strings.Contains(string(about), "/srv") != told || strings.Contains(string(needs), "/srv") {
			t.Errorf("%s is told %s and %s", role, about, needs)
		}
		if !strings.Contains(string(about), "damaged") || !strings.Contains(string(needs), "damaged") {
			t.Errorf("%s is not told: %s and %s", role, about, needs)
		}
	}
	whole := open(t)
	whole.store.inspected <- nil
	until(t, "a whole database shows", func() bool { return counterOf(t, whole, "netrender_database_checked_timestamp_seconds") > 0 })
}
