package test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// TestProgramsThatDoNotFit: a worker of another protocol is refused with a sentence that says what to install, and a
// worker leaves a master of another protocol with one.
func TestProgramsThatDoNotFit(t *testing.T) {
	f := startFarm(t)
	c := f.client()
	_, err := c.Register(t.Context(), nr.Registration{
		ID: "worker-old1", Name: "old", Slots: 1, Protocol: nr.Protocol + 98, Facts: nr.Facts{Program: "98.6"},
	})
	if nr.KindOf(err) != nr.Outdated || !strings.Contains(err.Error(), "the worker is netrender 98.6 (protocol 99)") {
		t.Errorf("the master says %v", err)
	}
	if text := f.ok("workers", "--json"); strings.Contains(text, "worker-old1") {
		t.Errorf("it is among the workers:\n%s", text)
	}

	newer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(wire.Info{Program: "98.6", Protocol: nr.Protocol + 98, ID: "newer", Open: true})
	}))
	defer newer.Close()
	_, errs, code := f.run("worker", "--data", t.TempDir(), "--master", newer.URL, "--fake-renderer", "20ms")
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	for _, w := range []string{"the master is netrender 98.6 (protocol 99)", "install netrender 98.6 on the worker's machine"} {
		if !strings.Contains(errs, w) {
			t.Errorf("%q is not in\n%s", w, errs)
		}
	}
	sentence(t, errs)
}
