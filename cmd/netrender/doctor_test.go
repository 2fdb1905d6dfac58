package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/wire"
)

// TestClockThatIsOff: the doctor tells of it. That it harms nothing but the times shown is tested in internal/client:
// every time is the master's, and nothing compares it with another machine's.
func TestClockThatIsOff(t *testing.T) {
	for _, c := range []struct {
		off time.Duration
		ok  bool
	}{{0, true}, {time.Hour, false}, {-time.Hour, false}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(wire.Info{Protocol: wire.Version, ID: "x", Open: true, Time: time.Now().Add(c.off).UnixMilli()})
		}))
		out, errs, _ := command(t, "doctor", "--quick", "--blender", "/nowhere/blender", "--master", server.URL, "--json")
		server.Close()
		var clock finding
		for line := range strings.Lines(out) {
			var f finding
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if f.What == "clock" {
				clock = f
			}
		}
		if clock.What == "" || clock.OK != c.ok || !c.ok && !strings.Contains(clock.Next, "set the clock") {
			t.Errorf("%s off: %+v\n%s%s", c.off, clock, out, errs)
		}
	}
}
