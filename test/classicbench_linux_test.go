package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBenchClassic measures what slaves of the original cost a master: NETRENDER_BENCH_CLASSIC=20s, so long each way.
func TestBenchClassic(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("NETRENDER_BENCH_CLASSIC"))
	if err != nil {
		t.Skip("a benchmark: NETRENDER_BENCH_CLASSIC=20s")
	}
	const slaves = 200
	c := openClassic(t, "1.8")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: slaves}}
	call := func(method, path, body string, headers ...string) *http.Response {
		r, err := http.NewRequest(method, "http://"+c.address+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Error(err)
			return &http.Response{Header: http.Header{}}
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return &http.Response{Header: http.Header{}}
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	ids := make([]string, slaves)
	for i := range ids {
		ids[i] = call("POST", "/slave", fmt.Sprintf(`{"name":"slave %d","stats":"Linux"}`, i)).Header.Get("slave-id")
	}
	// measure has every slave do something every so often, each at its own time, and says what that costs.
	measure := func(what string, every time.Duration, do func(i int)) {
		stop := make(chan struct{})
		var all sync.WaitGroup
		for i := range slaves {
			all.Go(func() {
				wait := every * time.Duration(i) / slaves
				for {
					select {
					case <-stop:
						return
					case <-time.After(wait):
					}
					do(i)
					wait = every
				}
			})
		}
		<-time.After(every) // all have begun
		before := cpuTime(t, c.proc.cmd.Process.Pid)
		<-time.After(lasts)
		share := (cpuTime(t, c.proc.cmd.Process.Pid) - before).Seconds() / lasts.Seconds()
		close(stop)
		all.Wait()
		t.Logf("%d slaves %s: %.2f %% of a core", slaves, what, 100*share)
	}
	poll := func(i int) { call("GET", "/job", "", "slave-id", ids[i]) }
	measure("that ask for work every 10 s, as idle ones do", 10*time.Second, poll)
	measure("that ask for work every second", time.Second, poll)

	var frames []map[string]int
	for n := range slaves {
		frames = append(frames, map[string]int{"number": n + 1})
	}
	job, err := json.Marshal(map[string]any{"name": "shot", "chunks": 1, "frames": frames, "files": []map[string]any{{"filepath": "/a.blend"}}})
	if err != nil {
		t.Fatal(err)
	}
	call("POST", "/job", string(job))
	call("PUT", "/file_1_0", "a scene")
	for i := range slaves {
		if r := call("GET", "/job", "", "slave-id", ids[i]); r.StatusCode != http.StatusOK {
			t.Fatalf("slave %d gets no frame: %d", i, r.StatusCode)
		}
	}
	measure("that render, and send a line of log and ask whether to go on every 2 s", 2*time.Second, func(i int) {
		frame := strconv.Itoa(i + 1) // the order in which they asked
		call("PUT", "/log_1_"+frame+".log", "Fra:1 Mem:9.00M | Rendering\n", "slave-id", ids[i])
		if r := call("HEAD", "/status", "", "job-id", "1", "job-frame", frame); r.StatusCode != http.StatusOK {
			t.Errorf("frame %s is not wanted", frame)
		}
	})
}

// cpuTime is what a process has used, as proc(5) says in hundredths of a second.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	sum := 0
	for _, at := range []int{11, 12} {
		n, err := strconv.Atoi(fields[at])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond
}
