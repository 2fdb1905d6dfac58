// Package classic is the door for clients and slaves of the original Netrender, the add-on that came with Blender 2.5 to
// 2.79. It is an adapter onto the engine: its jobs are ordinary jobs, its slaves are ordinary workers.
//
//	Dialect   which of the two protocols is spoken: Page of 2009, V18 of the add-on's last years
//	record    a job that a client announced, with what the engine has of it
//	slave     a worker that speaks the original protocol, with the lease it holds
//	arrived   bytes on their way in, on the disk and hashed
//
// The protocol knows no tokens. So the door speaks to private addresses only, shows nothing but its own jobs and what is
// leased to its own slaves, and trusts no path, name, length or picture.
package classic

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// Dialect is one of the two protocols.
type Dialect string

// The dialects.
const (
	Page Dialect = "page" // the table of 2009
	V18  Dialect = "1.8"  // what Blender 2.59 to 2.79 speak
)

// Valid tells whether there is such a dialect.
func (d Dialect) Valid() bool { return d == Page || d == V18 }

// DefaultVersion is what clients of Blender 2.79 want to hear.
const DefaultVersion = "1.8.1"

// Limits of what strangers may send.
const (
	maxJSON        = 32 << 20  // bytes of an announced job
	maxSmall       = 64 << 10  // bytes of any other description
	maxLog         = 64 << 20  // bytes of one piece of log
	maxThumb       = 16 << 20  // bytes of a preview
	maxLate        = 256 << 20 // bytes of a result that nobody wants any more, which are read so that its sender goes on
	maxFiles       = 10_000    // of a job
	maxFrames      = 100_000   // of a job
	maxWaiting     = 1_000     // jobs whose files were announced and have not come
	maxRecords     = 20_000    // jobs that are remembered
	waitingFor     = 24 * time.Hour
	stall          = time.Minute // without a byte, after which a connection is cut
	usualPace      = 30 * time.Second
	dropped        = 5 * time.Minute // a slave that was silent for so long is not there any more
	defaultMaxFile = 64 << 30
)

// Options are what a door is made of.
type Options struct {
	Master  *master.Master
	Blobs   blob.Store // a *blob.Guard in earnest: what waits for its job is pinned
	Dir     string     // what the door keeps; nobody else writes there
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
	Program string // version of this program
	Dialect Dialect
	Version string         // that clients are told; "": DefaultVersion
	Allow   []netip.Prefix // addresses besides private ones that are spoken to
	Roots   []string       // folders of this machine of which announced files are read
	Blender farm.Version   // that slaves run, for they do not say; zero: 2.79
	MaxFile int64          // largest file that is taken, in bytes; 0: 64 GiB
}

// Door is the door. Make one with New.
type Door struct {
	opt    Options
	m      *master.Master
	log    *slog.Logger
	client master.Identity
	pace   time.Duration // a slave that works is never silent for longer; its lease lives for three times that
	mark   string        // of this data folder; ids of slaves follow from it

	mu      sync.Mutex // guards all below, and held of slaves
	records map[string]*record
	byJob   map[farm.JobID]*record
	next    int64 // number of the last job announced
	slaves  map[string]*slave
}

// New reads what the door keeps. The master's Run may not have begun.
func New(opt Options) (*Door, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Version == "" {
		opt.Version = DefaultVersion
	}
	if opt.MaxFile <= 0 {
		opt.MaxFile = defaultMaxFile
	}
	if opt.Blender.IsZero() {
		opt.Blender = farm.Version{Major: 2, Minor: 79}
	}
	if !opt.Dialect.Valid() {
		return nil, farm.Errorf(farm.Invalid, "%q is not a dialect of the original protocol", clip(string(opt.Dialect), 40)).WithHint("use 1.8 or page")
	}
	d := &Door{
		opt: opt, m: opt.Master, log: opt.Log, pace: usualPace,
		client:  master.Identity{Token: farm.ClassicToken, Name: "classic", Role: farm.RoleSubmit},
		records: make(map[string]*record), byJob: make(map[farm.JobID]*record), slaves: make(map[string]*slave),
	}
	d.opt.Roots = make([]string, len(opt.Roots))
	for i, root := range opt.Roots {
		abs, err := filepath.Abs(root)
		if err == nil {
			var dir *os.Root
			if dir, err = os.OpenRoot(abs); err == nil {
				_ = dir.Close()
			}
		}
		if err != nil {
			return nil, farm.Errorf(farm.Invalid, "the folder %s cannot be read", clip(root, 200)).WithHint("name folders that are there with --classic-root")
		}
		d.opt.Roots[i] = abs
	}
	if err := os.MkdirAll(d.arrivals(), 0o700); err != nil {
		return nil, farm.Errorf(farm.Internal, "the data folder cannot be written: %w", err)
	}
	return d, d.load()
}

// arrivals is the folder of what is on its way in.
func (d *Door) arrivals() string { return filepath.Join(d.opt.Dir, "arriving") }

// token makes n random bytes as hex.
func (d *Door) token(n int) (string, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(d.opt.Rand, raw); err != nil {
		return "", err
	}
	return hex.EncodeToString(raw), nil
}

// connKey is under what a request's context has its connection.
type connKey struct{}

// Server returns a server with the settings that the door is made for. What it serves must come through Listener.
func (d *Door) Server() *http.Server {
	return &http.Server{
		Handler:           d,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       stall,
		WriteTimeout:      stall,
		IdleTimeout:       3 * time.Minute,
		MaxHeaderBytes:    maxHead,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
}

// Serve serves until ctx ends; then what is under way has grace to finish, and what is left is cut.
func (d *Door) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	s := d.Server()
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(Listener(l)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	<-failed
	return err
}

// Allows tells whether the door speaks to an address, as net/http writes it.
func (d *Door) Allows(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range d.opt.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
