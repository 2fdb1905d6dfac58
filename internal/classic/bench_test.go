package classic

import (
	"net/http"
	"testing"
)

// BenchmarkSlave measures what the master does for a slave that asks for work, and for one that renders: a line of log and
// whether to go on. The caller's own part is in it.
func BenchmarkSlave(b *testing.B) {
	h := open(b)
	slave := h.slave("old")
	b.Run("asks", func(b *testing.B) {
		for b.Loop() {
			h.need(http.StatusAccepted, "GET", "/job", nil, "slave-id", slave)
		}
	})
	id := h.job([]int{1}, 1, "scene")
	h.task(slave)
	b.Run("logs", func(b *testing.B) {
		for b.Loop() {
			h.need(http.StatusOK, "PUT", "/log_"+id+"_1.log", []byte("Fra:1 Mem:9.00M | Rendering\n"), "slave-id", slave)
		}
	})
	b.Run("goes on", func(b *testing.B) {
		for b.Loop() {
			h.need(http.StatusOK, "HEAD", "/status", nil, "job-id", id, "job-frame", 1)
		}
	})
}
