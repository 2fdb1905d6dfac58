package test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netrender/netrender/internal/blob"
	nr "github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// cutter is a proxy in front of a farm that counts what is sent and cuts every connection when told so.
type cutter struct {
	net.Listener
	up    atomic.Int64 // bytes sent to the master
	down  atomic.Int64 // bytes that came from it
	at    atomic.Int64 // when up or down reaches this many bytes, act is called; 0: never
	act   func()
	once  sync.Once
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newCutter(t *testing.T, to string, at int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, conns: map[net.Conn]bool{}}
	c.act = c.cut
	c.at.Store(at)
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
	})
	go forward(c, func() (net.Conn, error) {
		conn, err := net.Dial("tcp", to)
		if err != nil {
			return nil, err
		}
		c.keep(conn)
		return conn, nil
	})
	return c
}

// Accept counts what comes in.
func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.keep(conn)
	return countedConn{conn, c}, nil
}

func (c *cutter) keep(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
}

// cut breaks every connection, without a farewell.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	clear(c.conns)
}

type countedConn struct {
	net.Conn
	c *cutter
}

func (k countedConn) Read(p []byte) (int, error) {
	n, err := k.Conn.Read(p)
	k.c.moved(&k.c.up, n)
	return n, err
}

func (k countedConn) Write(p []byte) (int, error) {
	n, err := k.Conn.Write(p)
	k.c.moved(&k.c.down, n)
	return n, err
}

func (c *cutter) moved(way *atomic.Int64, n int) {
	now := way.Add(int64(n))
	if at := c.at.Load(); at > 0 && now >= at {
		c.once.Do(c.act)
	}
}

// bigFile is bytes that do not compress.
func bigFile(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// sendCut submits a job whose scene is the file, through the proxy, and uploads it. At most twice bytes may go twice.
func sendCut(t *testing.T, c *cutter, f *farm, file []byte, twice int64) nr.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := wire.NewClient("http://"+c.Addr().String(), f.token(), wire.Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	client = client.Patient(30 * time.Second)
	ref := blob.RefOf(file).String()
	frames, err := nr.ParseFrameSet("1-2")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := client.Submit(ctx, nr.JobSpec{
		Name: "big", Blend: "big.blend", Frames: frames, Key: "0123456789abcdef",
		Options: nr.Options{EXR: "full", Outputs: true},
	},
		[]nr.File{{Path: "big.blend", Original: "/x/big.blend", Size: int64(len(file)), Ref: ref}})
	if err != nil {
		t.Fatal(err)
	}
	if len(reply.Missing) != 1 {
		t.Fatalf("the master misses %q", reply.Missing)
	}
	before, began := c.up.Load(), time.Now()
	err = client.PutBlob(ctx, wire.Upload{Ref: ref, Size: int64(len(file)), Open: func() (io.ReadSeekCloser, error) {
		return nopCloser{bytes.NewReader(file)}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	sent := c.up.Load() - before
	t.Logf("%.2f times the size went through the proxy in %v", float64(sent)/float64(len(file)), time.Since(began).Round(time.Millisecond))
	if sent < int64(len(file)) {
		t.Errorf("only %d of %d bytes went through the proxy", sent, len(file))
	}
	if sent > int64(len(file))+twice {
		t.Errorf("%d bytes were sent for a file of %d", sent, len(file))
	}
	there, _, err := client.HasBlob(ctx, ref)
	if err != nil || !there {
		t.Errorf("the master does not have the file: %v", err)
	}
	return reply.Job
}

// renders shows that what was uploaded in pieces is of use.
func (f *farm) renders(job nr.Job) {
	f.t.Helper()
	f.worker("oak", "--fake-renderer", "20ms")
	f.doneWithin(time.Minute, job.ID)
	f.audit(job.ID, job.Total)
}

const bigSize = 64 << 20

// TestUploadCut breaks the connection at 60 % of a big file.
func TestUploadCut(t *testing.T) {
	f := startFarm(t)
	c := newCutter(t, strings.TrimPrefix(f.url, "http://"), bigSize*6/10)
	f.renders(sendCut(t, c, f, bigFile(bigSize), bigSize/5))
}

// TestUploadMasterKilled kills the master late in a big file and starts it again.
func TestUploadMasterKilled(t *testing.T) {
	f := startFarm(t)
	c := newCutter(t, strings.TrimPrefix(f.url, "http://"), bigSize*9/10)
	token := f.token()
	back := make(chan struct{})
	c.act = func() {
		f.proc.kill()
		go func() {
			defer close(back)
			f.start()
		}()
	}
	// What was not yet safe on the disk goes again: up to 16 MiB, and what was on its way or being made safe.
	job := sendCut(t, c, f, bigFile(bigSize), 36<<20)
	<-back
	if f.token() != token {
		t.Error("the restarted master has another token")
	}
	f.renders(job)
}

// TestSilentMaster: an address where nothing ever answers ends a command with a sentence, soon.
func TestSilentMaster(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // until then connections are taken, and nobody reads them
	t.Run("takes the connection", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		out, errs, code := run(t, []string{"NETRENDER_DATA=" + t.TempDir()}, "jobs", "--master", l.Addr().String())
		plainRefusal(t, out, errs, code, time.Since(began))
	})
	t.Run("drops packets", func(t *testing.T) {
		t.Parallel()
		m := newLAN(t).machine()
		const nobody = "10.77.0.99"
		m.lan.ip("-n", m.ns, "neigh", "add", nobody, "lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent")
		began := time.Now()
		out, errs, code := m.run("jobs", "--master", nobody)
		plainRefusal(t, out, errs, code, time.Since(began))
	})
}

func plainRefusal(t *testing.T, out, errs string, code int, took time.Duration) {
	t.Helper()
	t.Logf("exit %d after %v: %s", code, took.Round(10*time.Millisecond), errs)
	if code != 3 || out != "" {
		t.Errorf("exit %d, and %q", code, out)
	}
	if took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	first, _, _ := strings.Cut(errs, "\n")
	if !strings.Contains(first, "cannot reach the master") || !strings.Contains(first, "it did not answer in time") || strings.Count(strings.TrimSpace(errs), "\n") > 1 {
		t.Errorf("not one plain sentence: %s", errs)
	}
}
