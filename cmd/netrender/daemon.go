package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lmittmann/tint"

	"github.com/netrender/netrender/internal/api"
	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/classic"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/notify"
	"github.com/netrender/netrender/internal/store"
	"github.com/netrender/netrender/internal/web"
	"github.com/netrender/netrender/internal/wire"
	"github.com/netrender/netrender/internal/worker"
)

// The files of a master below the data folder.
const (
	masterDir      = "master"
	databaseFile   = "netrender.db"
	blobsDir       = "blobs"
	farmIDFile     = "farm-id"
	adminTokenFile = "admin-token"
)

// masterOptions are the settings of a master.
type masterOptions struct {
	listen      string
	name        string
	open        bool
	quiet       bool // do not announce on the network
	logJSON     bool
	verbose     bool
	link        bool // print a login link also where there is no terminal
	tls         bool
	maxFile     string
	connections int
	hosts       []string
	auditDays   int
	cert        string
	key         string
	reserve     string
	peers       bool
	publicURL   string
	classic     classicOptions
}

// blobGrace is how long a file that no job names is kept after it was stored or asked for.
const blobGrace = time.Hour

// server is a running master.
type server struct {
	opt    masterOptions
	data   string
	id     string
	name   string
	url    string    // for this machine
	proof  *identity // nil: no TLS
	admin  string    // token
	master *master.Master
	chunks *blob.Index
	door   *api.API
	http   *http.Server
	listen net.Listener
	log    *slog.Logger

	classic       *classic.Door // nil: none
	classicListen net.Listener
	close         []func()
}

// newLogger writes for people on a terminal, JSON elsewhere when asked.
func (a *app) newLogger(asJSON, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(a.err, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !colours(a.err)}))
}

// openMaster makes a master ready: its data is open and its address taken.
func (a *app) openMaster(ctx context.Context, o masterOptions, log *slog.Logger) (s *server, err error) {
	s = &server{opt: o, data: a.settings.data, log: log}
	defer func() {
		if err != nil {
			s.shut()
		}
	}()
	maxFile, err := o.check()
	if err != nil {
		return s, err
	}
	dir := filepath.Join(s.data, masterDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, farm.Errorf(farm.Invalid, "the data folder cannot be written: %s", reasonOf(err)).WithHint("name another one with --data")
	}
	if err := unfinished(s.data); err != nil {
		return s, err
	}
	if s.proof, err = o.identity(dir); err != nil {
		return s, err
	}
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, databaseFile))
	if err != nil {
		return s, err
	}
	s.close = append(s.close, func() { _ = db.Close() })
	if err := unfinished(s.data); err != nil { // nobody else comes behind the open database any more
		return s, err
	}
	reserve, err := reserveOf(o.reserve, dir)
	if err != nil {
		return s, err
	}
	room := blob.NewRoom(dir, nil)
	blobs, err := blob.OpenDisk(filepath.Join(dir, blobsDir), blob.DiskOptions{Room: room, Reserve: reserve})
	if err != nil {
		return s, err
	}
	s.close = append(s.close, func() { _ = blobs.Close() })
	var keep []master.Kept
	for place, name := range keptFiles {
		keep = append(keep, master.Kept{Name: name, Path: filepath.Join(s.data, place)})
	}
	if s.name = o.name; s.name == "" {
		s.name, _ = os.Hostname()
	}
	s.chunks = blob.NewIndex(blobs)
	guard := blob.NewGuard(blobs, blobGrace, time.Now)
	if s.master, err = master.New(ctx, master.Options{
		Store: db, Blobs: guard, Dir: dir, Room: room, Reserve: reserve, Now: time.Now, Rand: rand.Reader, Log: log, Program: version,
		AuditAge: time.Duration(o.auditDays) * 24 * time.Hour, Pin: s.proof.shown, ByName: s.proof != nil && s.proof.host != "",
		Keep: keep, NoPeers: !o.peers,
		Courier: notify.New(notify.Options{Now: time.Now, Base: s.publicURL, Farm: s.name, Program: version}),
	}); err != nil {
		return s, err
	}
	if s.id, err = farmID(filepath.Join(s.data, farmIDFile)); err != nil {
		return s, err
	}
	addons := newAddonStore(s.data, log)
	addons.cache, addons.farm = filepath.Join(s.data, packedDir), s.id
	pages := web.New(web.Options{
		Master: s.master, Now: time.Now, Log: log, Open: o.open, Name: s.name, Farm: s.id, Program: version,
		Result: wire.ResultPath, Addresses: s.addresses, Met: api.Met, Addons: addons,
	})
	s.door = api.New(api.Options{
		Master: s.master, Blobs: guard, Uploads: guard, Now: time.Now, Log: log, Open: o.open, Browser: pages.Browser,
		Pin: s.proof.shown, MaxBlob: maxFile, Chunks: s.chunks,
		Info: wire.Info{Program: version, Protocol: wire.Version, Name: s.name, ID: s.id, Open: o.open, Pin: s.proof.kept()},
	})
	if s.listen, err = net.Listen("tcp", o.listen); err != nil {
		return s, listenError(o.listen, err)
	}
	s.close = append(s.close, func() { _ = s.listen.Close() })
	s.url = s.here()
	all := doors(s.door, pages)
	if o.open {
		all = api.OnlyHosts(o.names(s.name), all)
	}
	s.listen = api.Limit(s.listen, o.connections, log)
	s.http = api.Server(all)
	if s.proof != nil {
		s.http.TLSConfig = s.proof.config()
	}
	s.http.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	return s, s.openClassic(guard, maxFile)
}

// check refuses settings that make no sense, and returns the largest file that is taken, in bytes; 0: any.
func (o *masterOptions) check() (maxFile int64, err error) {
	if o.connections < 0 {
		return 0, usagef("--max-connections is a whole number of 0 or more, not %d", o.connections)
	}
	if o.auditDays < 1 || o.auditDays > 100*365 {
		return 0, usagef("--audit-days is a whole number from 1 to 36500, not %d", o.auditDays)
	}
	if u, err := url.Parse(o.publicURL); err != nil || o.publicURL != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
		return 0, usagef("--public-url is an address as https://farm.studio, not %q", o.publicURL)
	}
	if o.maxFile != "" {
		maxFile, err = parseSize(o.maxFile)
	}
	return maxFile, err
}

// names are those by which browsers reach an open farm.
func (o *masterOptions) names(shown string) []string {
	names := append([]string{shown}, o.hosts...)
	if host, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(host, ".")
		names = append(names, host, short, short+".local")
	}
	return names
}

// doors leads the API's calls to it and everything else to the pages.
func doors(door, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	for _, path := range []string{"/api/", "/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, door)
	}
	return mux
}

func listenError(address string, err error) error {
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) {
		text = op.Err.Error()
	}
	var wrong *net.AddrError
	if errors.As(err, &wrong) {
		return usagef("%s is not an address to listen on; write it as HOST:PORT or :PORT", address)
	}
	text = strings.TrimPrefix(text, "bind: ")
	e := farm.Errorf(farm.Conflict, "the address %s cannot be listened on: %s", address, text)
	if strings.Contains(text, "in use") {
		return e.WithHint("another master may run here already; use it, or choose another port with --listen :PORT")
	}
	return e.WithHint("choose another one with --listen HOST:PORT")
}

// run serves until ctx ends, then answers what is under way and closes everything.
func (s *server) run(ctx context.Context, ready func()) error {
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { _ = s.master.Run(engine) })
	loops.Go(func() { s.chunks.Run(engine) })
	loops.Go(func() { _ = s.master.Tend(engine) })
	defer s.shut()
	endChronicle := s.keepChronicle()
	defer func() {
		endChronicle()
		stopEngine()
		loops.Wait()
		s.log.Info("the master has stopped")
	}()
	if err := s.ensureAdmin(ctx); err != nil {
		return err
	}
	note, _ := json.Marshal(running{URL: s.url, ID: s.id, PID: os.Getpid(), Addresses: s.addresses()})
	if err := writePrivate(filepath.Join(s.data, runningFile), note); err != nil {
		return err
	}
	defer os.Remove(filepath.Join(s.data, runningFile))
	if s.classic != nil {
		var door sync.WaitGroup
		classicCtx, stopClassic := context.WithCancel(ctx)
		door.Go(func() { s.runClassic(classicCtx) })
		defer func() {
			stopClassic()
			door.Wait()
		}()
	}
	if !s.opt.quiet {
		beaconDone := make(chan struct{})
		beaconCtx, stopBeacon := context.WithCancel(ctx)
		go func() {
			defer close(beaconDone)
			s.announce(beaconCtx)
		}()
		defer func() {
			stopBeacon()
			<-beaconDone
		}()
	}
	s.log.Info("the master runs", "version", version, "addresses", strings.Join(s.addresses(), " "), "data", s.data)
	if ready != nil {
		ready()
	}
	defer context.AfterFunc(ctx, func() { s.log.Info("the master stops; what is under way is answered first") })()
	if err := s.door.Serve(ctx, s.http, s.listen, 10*time.Second); err != nil && ctx.Err() == nil {
		return farm.Errorf(farm.Internal, "the master cannot serve any more: %w", err)
	}
	return nil
}

func (s *server) shut() {
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
	s.close = nil
}

// ensureAdmin makes the admin token at the first start, or when its file was lost.
func (s *server) ensureAdmin(ctx context.Context) error {
	path := filepath.Join(s.data, adminTokenFile)
	if text, err := os.ReadFile(path); err == nil {
		s.admin = strings.TrimSpace(string(text))
		if who, err := s.master.Authenticate(s.admin, ""); err == nil && who.Role == farm.RoleAdmin {
			return nil
		}
	}
	_, secret, err := s.master.CreateToken(ctx, master.Identity{Name: "netrender", Role: farm.RoleAdmin}, "admin", farm.RoleAdmin)
	if err != nil {
		return err
	}
	s.admin = secret
	return writePrivate(path, []byte(secret+"\n"))
}

// workerToken makes a token for a worker on the master's own machine, or takes the one that was made.
func (s *server) workerToken(ctx context.Context, a *app) (string, error) {
	known, err := a.readFarms()
	if err != nil {
		return "", err
	}
	if t := known[s.id].Worker; t != "" {
		if who, err := s.master.Authenticate(t, ""); err == nil && who.Role == farm.RoleWorker {
			return t, nil
		}
	}
	id, err := worker.Identity(a.workerDir())
	if err != nil {
		return "", err
	}
	_, secret, err := s.master.CreateTokenFor(ctx, master.Identity{Name: "netrender", Role: farm.RoleAdmin}, s.name, farm.RoleWorker, id)
	if err != nil {
		return "", err
	}
	return secret, a.keepFarm(s.id, func(f *knownFarm) { f.Worker = secret })
}

// farmID reads the farm's id, which is made at the first start.
func farmID(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(text))) == 32 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", farm.Errorf(farm.Invalid, "the data folder cannot be read: %s", reasonOf(err))
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	id := hex.EncodeToString(raw)
	return id, writePrivate(path, []byte(id+"\n"))
}

// address is the URL of the master at a host, with its pin if it has one. A certificate that is checked by name is
// worth nothing at another one.
func (s *server) address(host string) string {
	port := strconv.Itoa(s.listen.Addr().(*net.TCPAddr).Port)
	switch {
	case s.proof == nil:
		return "http://" + net.JoinHostPort(host, port)
	case s.proof.host != "":
		return "https://" + net.JoinHostPort(s.proof.host, port)
	}
	return "https://" + net.JoinHostPort(host, port) + "#" + s.proof.pin
}

// here is the URL for this machine. A studio's certificate has no name that fits; commands have the master prove itself.
func (s *server) here() string {
	at := s.listen.Addr().(*net.TCPAddr)
	host := "127.0.0.1"
	if !at.IP.IsUnspecified() {
		host = at.IP.String()
	}
	url := net.JoinHostPort(host, strconv.Itoa(at.Port))
	if s.proof == nil {
		return "http://" + url
	}
	return wire.WithPin("https://"+url, s.proof.pin)
}

// identity is what the master proves itself with; nil without TLS.
func (o *masterOptions) identity(dir string) (*identity, error) {
	switch {
	case (o.cert == "") != (o.key == ""):
		return nil, usagef("--tls-cert and --tls-key go together")
	case o.cert != "":
		return studioIdentity(o.cert, o.key, time.Now())
	case o.tls:
		return ownIdentity(dir, time.Now())
	}
	return nil, nil
}

// publicURL is the address of the pages in what is told outside the farm.
func (s *server) publicURL() string {
	if s.opt.publicURL != "" {
		return strings.TrimSuffix(s.opt.publicURL, "/")
	}
	if s.listen == nil { // it is being opened
		return ""
	}
	return wire.WithPin(s.addresses()[0], "")
}

// exposed tells whether other machines can reach the master and read what is said.
func (s *server) exposed() bool {
	return s.proof == nil && !s.listen.Addr().(*net.TCPAddr).IP.IsLoopback()
}

// addresses are the URLs that other machines may reach the master at.
func (s *server) addresses() []string {
	ip := s.listen.Addr().(*net.TCPAddr).IP
	if !ip.IsUnspecified() {
		return []string{s.address(ip.String())}
	}
	var urls []string
	addrs, _ := net.InterfaceAddrs()
	for _, addr := range addrs {
		if n, ok := addr.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			urls = append(urls, s.address(n.IP.String()))
		}
	}
	if len(urls) == 0 {
		urls = append(urls, s.url)
	}
	return urls
}
