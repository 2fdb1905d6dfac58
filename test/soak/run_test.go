//go:build linux

package soak

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// program is the binary under test; TestMain builds it.
var program string

var (
	soakFor    = flag.Duration("soak", 0, "run rounds with new seeds for so long")
	roundFlag  = flag.Duration("round", 20*time.Second, "how long harm is done in a round")
	faultFlag  = flag.Duration("every", 500*time.Millisecond, "mean time between two faults")
	scriptFlag = flag.String("script", "", "do what this file says, in one round, instead of what a seed says")
	keepFlag   = flag.String("keep", "", "folder for scripts, logs and the farm's data (default: a temporary one)")
)

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "netrender-soak-*")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "netrender")
	build := exec.Command("go", "build", "-o", program, "github.com/netrender/netrender/cmd/netrender")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the program does not build:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// run is one farm with everything that is done to it.
type run struct {
	t       *testing.T
	dir     string
	seed    uint64 // of the round
	round   int
	ctx     context.Context // of the round's clients
	stop    context.CancelFunc
	master  *actor
	addr    string // of the master
	admin   *wire.Client
	actors  map[string]*actor
	links   map[string]*link
	disks   map[string]*disk
	users   map[string]*user
	boss    *user    // an admin, whose line is always good
	rules   nr.Rules // as they were set
	probes  int      // damaged results that were looked at
	far     *place   // nil: it is here
	scene   []byte   // of the artists; nil: there is no Blender to read it
	blender string
	probed  string // data folder in which the Blender is known

	jobs   sync.WaitGroup // what the clients do
	undo   sync.WaitGroup // faults that end by themselves
	began  time.Time
	counts map[string]int
	notes  []*note          // of jobs that may be there
	known  map[nr.JobID]int // every number that was ever told
	read   map[string]int64 // how far the workers' logs were read
	rotten map[string]bool  // files on the master's disk that were damaged, by path

	mu       sync.Mutex
	commands []*command
	calm     bool // the auditor is at work or about to be
	failures int
	found    *[]string // where findings go in a test of the auditor; nil: they fail the test
}

func (r *run) say(format string, args ...any) {
	r.t.Logf("%s "+format, append([]any{time.Now().Format("15:04:05.000")}, args...)...)
}

// failf notes something that must not be.
func (r *run) failf(format string, args ...any) {
	r.mu.Lock()
	if r.found != nil {
		*r.found = append(*r.found, fmt.Sprintf(format, args...))
		r.mu.Unlock()
		return
	}
	r.failures++
	n := r.failures
	r.mu.Unlock()
	if n > 60 {
		return // enough
	}
	r.t.Errorf("%s seed %d: "+format, append([]any{time.Now().Format("15:04:05.000"), r.seed}, args...)...)
}

func (r *run) count(what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what] += n
}

func (r *run) quiet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calm
}

// mayEnd tells whether an actor's end by itself is excused.
func (r *run) mayEnd(a *actor) bool {
	text := lastLines(a.log, 4)
	return !strings.Contains(text, "panic") && (strings.Contains(text, "full") || strings.Contains(text, "no space left"))
}

// newRun starts a master, and makes users ready.
func newRun(t *testing.T) *run {
	dir := *keepFlag
	if dir == "" {
		dir = t.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "logs"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &run{
		t: t, dir: dir, actors: map[string]*actor{}, links: map[string]*link{}, disks: map[string]*disk{},
		users: map[string]*user{}, counts: map[string]int{}, known: map[nr.JobID]int{}, read: map[string]int64{},
		rotten: map[string]bool{},
	}
	t.Cleanup(r.close)
	r.newDisk("master", 4<<30)
	r.newDisk("ash", 1<<30)
	r.newDisk("users", 1<<30)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	_ = l.Close()
	data := filepath.Join(r.disks["master"].dir, "data")
	r.master = r.launch("master", nil, nil, "master", "--data", data, "--listen", r.addr, "--quiet-network", "--verbose")
	r.wait(30*time.Second, "the master answers", func() bool {
		text, err := os.ReadFile(filepath.Join(data, "admin-token"))
		if err != nil {
			return false
		}
		r.admin, err = wire.NewClient("http://"+r.addr, strings.TrimSpace(string(text)), wire.Options{Program: "soak"})
		return err == nil && r.call(func(ctx context.Context) error { _, err := r.admin.Rules(ctx); return err }) == nil
	})
	rules := nr.DefaultRules()
	rules.HeartbeatMS = 500
	r.must(r.call(func(ctx context.Context) (err error) { r.rules, err = r.admin.SetRules(ctx, rules); return err }))
	for _, name := range userNames {
		r.users[name] = r.enroll(name, r.token(name, nr.RoleSubmit))
	}
	text, err := os.ReadFile(filepath.Join(data, "admin-token"))
	r.must(err)
	r.boss = r.enroll("boss", strings.TrimSpace(string(text)))
	return r
}

// enroll makes a user with a line to the master.
func (r *run) enroll(name, token string) *user {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	r.links[name] = openLink(at, r.addr)
	u := &user{run: r, name: name, link: r.links[name], token: token, dir: filepath.Join(r.disks["users"].dir, name)}
	u.wire, err = wire.NewClient(u.link.url(), u.token, wire.Options{Program: "soak"})
	r.must(err)
	return u
}

// hire starts a worker with a line of its own to the master.
func (r *run) hire(name string, args ...string) *actor {
	at := r.place(name)
	l, err := at.listen()
	if err != nil {
		r.t.Fatal(err)
	}
	r.links[name] = openLink(l, r.addr)
	env := []string{"NETRENDER_MASTER=" + r.links[name].url(), "NETRENDER_TOKEN=" + r.token(name, nr.RoleWorker)}
	return r.launch(name, at.prefix(), env, append([]string{"worker", "--data", r.workerData(name), "--name", name, "--log-json", "--verbose"}, args...)...)
}

// hireFakes starts the workers whose renderers are fake.
func (r *run) hireFakes() {
	for i, name := range workerNames {
		r.hire(name, workerArgs[i]...)
	}
}

// workerArgs make the workers different: in how fast they are and in the size of their pictures, which tells whose a
// frame is.
var workerArgs = [][]string{
	{"--fake-renderer", "150ms", "--fake-size", "31"},
	{"--fake-renderer", "250ms", "--fake-size", "48", "--slots", "2"},
	{"--fake-renderer", "400ms", "--fake-size", "96"},
	{"--fake-renderer", "80ms", "--fake-size", "24"},
	{"--fake-renderer", "200ms", "--fake-size", "64"},
}

// edges are the sizes of the workers' pictures.
var edges = map[string]int{"oak": 31, "elm": 48, "ash": 96, "fir": 24, "far": 64}

func (r *run) workerData(name string) string {
	if name == "ash" {
		return filepath.Join(r.disks["ash"].dir, "data")
	}
	return filepath.Join(r.dir, "data-"+name)
}

func (r *run) masterDir() string { return filepath.Join(r.disks["master"].dir, "data", "master") }

func (r *run) token(name string, role nr.Role) (secret string) {
	r.must(r.call(func(ctx context.Context) error {
		made, err := r.admin.CreateToken(ctx, name, role)
		secret = made.Secret
		return err
	}))
	return secret
}

func (r *run) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// call makes one call to the master.
func (r *run) call(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return f(ctx)
}

// wait waits for a fact.
func (r *run) wait(limit time.Duration, what string, fact func() bool) {
	r.t.Helper()
	if !r.waited(limit, fact) {
		r.t.Fatalf("after %s it is still not so that %s", limit, what)
	}
}

func (r *run) waited(limit time.Duration, fact func() bool) bool {
	for deadline := time.Now().Add(limit); !fact(); {
		if time.Now().After(deadline) {
			return false
		}
		<-time.After(50 * time.Millisecond)
	}
	return true
}

// close ends everything by force, what was not ended before.
func (r *run) close() {
	if r.stop != nil {
		r.stop()
	}
	for _, a := range r.actors {
		a.close(false)
	}
	for _, a := range r.actors {
		<-a.over
	}
	for _, l := range r.links {
		l.close()
	}
	if r.far != nil {
		r.far.close()
	}
	r.jobs.Wait()
	r.undo.Wait()
	for _, d := range r.disks {
		d.close()
	}
	if r.t.Failed() {
		for _, name := range slices.Sorted(maps.Keys(r.actors)) {
			r.t.Logf("the last words of %s:\n%s", name, indent(lastLines(r.actors[name].log, 15)))
		}
	}
}

func lastJSON(text string, v any) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := lines[len(lines)-1]
	if last == "" {
		return errors.New("nothing was printed")
	}
	return json.Unmarshal([]byte(last), v)
}

// seeds are those that every run of the tests has, and one that changes.
func seeds(t *testing.T) []uint64 {
	if text := os.Getenv("NETRENDER_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("NETRENDER_SEED: %v", err)
		}
		return []uint64{n}
	}
	changing := uint64(time.Now().Unix()) % 1_000_000
	if *soakFor > 0 {
		return []uint64{changing}
	}
	return []uint64{1, 2, 3, changing}
}

// TestNothingIsLost does harm to a farm for some rounds and audits it after each.
func TestNothingIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	list := seeds(t)
	r := newRun(t)
	r.hireFakes()
	r.studio()
	began := time.Now()
	for len(list) > 0 && !t.Failed() {
		r.seed = list[0]
		r.round++
		r.playRound()
		if list = list[1:]; len(list) == 0 && time.Since(began) < *soakFor {
			list = append(list, r.seed+1)
		}
	}
	if !t.Failed() {
		r.finish()
	}
	r.report(time.Since(began))
}

// report prints what was done and found.
func (r *run) report(took time.Duration) {
	text := fmt.Sprintf("%s, %d rounds in %s:", r.t.Name(), max(1, r.round), took.Round(time.Second))
	for _, what := range slices.Sorted(maps.Keys(r.counts)) {
		text += fmt.Sprintf("\n    %6d %s", r.counts[what], what)
	}
	end := "nothing was lost"
	if r.t.Failed() {
		end = fmt.Sprintf("SOMETHING WAS LOST OR WRONG: NETRENDER_SEED=%d repeats the script of the last round", r.seed)
	}
	text += "\n" + end
	r.t.Log(text)
	path := os.Getenv("NETRENDER_SOAK_REPORT")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		r.t.Errorf("NETRENDER_SOAK_REPORT: %v", err)
	}
}
