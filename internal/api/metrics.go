package api

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// gauge counts what the door does; what the engine does is read from it at each scrape.
type gauge struct {
	registry             *prometheus.Registry
	requests             *prometheus.CounterVec
	durations            *prometheus.HistogramVec
	uploaded, downloaded prometheus.Counter
	scrape               http.Handler
}

func newGauge(m *master.Master) *gauge {
	g := &gauge{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "netrender_requests_total",
			Help: "Calls answered, by route and status.",
		}, []string{"route", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "netrender_request_seconds",
			Help: "How long calls took, waiting included.", Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10, 60},
		}, []string{"route"}),
		uploaded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "netrender_upload_bytes_total",
			Help: "Bytes of files and results received, as they travelled.",
		}),
		downloaded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "netrender_download_bytes_total",
			Help: "Bytes of files and results sent, as they travelled.",
		}),
	}
	g.registry.MustRegister(g.requests, g.durations, g.uploaded, g.downloaded, engine{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.scrape = promhttp.HandlerFor(g.registry, promhttp.HandlerOpts{})
	return g
}

// routeGauge counts one route. Counters are made once per status and found by it without a map.
type routeGauge struct {
	g     *gauge
	name  string
	took  prometheus.Observer
	codes [600]atomic.Pointer[prometheus.Counter]
}

func (g *gauge) route(pattern string) *routeGauge {
	return &routeGauge{g: g, name: pattern, took: g.durations.WithLabelValues(pattern)}
}

func (rg *routeGauge) done(status int, took time.Duration) {
	if status == 0 {
		status = http.StatusOK
	}
	if status < 0 || status >= len(rg.codes) {
		status = http.StatusInternalServerError
	}
	c := rg.codes[status].Load()
	if c == nil {
		made := rg.g.requests.WithLabelValues(rg.name, strconv.Itoa(status))
		c = &made
		rg.codes[status].Store(c)
	}
	(*c).Inc()
	rg.took.Observe(took.Seconds())
}

// metrics are for whoever may see, and for scrapers on the same machine that come straight.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) {
	if !straightFromHere(r) {
		if _, err := a.router.enter(w, r, roles{least: farm.RoleView}); err != nil {
			a.refuse(w, r, err)
			return
		}
	}
	a.gauge.scrape.ServeHTTP(w, r)
}

// straightFromHere says that a call comes from this machine and was not passed on by a proxy on it.
func straightFromHere(r *http.Request) bool {
	ip := net.ParseIP(hostOf(r.RemoteAddr))
	if ip == nil || !ip.IsLoopback() {
		return false
	}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return true
}

// engine reads the engine's own counters.
type engine struct{ m *master.Master }

var (
	descJobs    = prometheus.NewDesc("netrender_jobs", "Jobs that have not ended, by state.", []string{"state"}, nil)
	descOnline  = prometheus.NewDesc("netrender_workers_online", "Workers that speak.", nil, nil)
	descSlots   = prometheus.NewDesc("netrender_slots", "Slots of workers that take work.", nil, nil)
	descBusy    = prometheus.NewDesc("netrender_slots_busy", "Slots that hold a lease.", nil, nil)
	descWaiting = prometheus.NewDesc("netrender_claims_waiting", "Claims held open.", nil, nil)
	descDone    = prometheus.NewDesc("netrender_frames_done_total", "Frames accepted since the master started.", nil, nil)
	descFailed  = prometheus.NewDesc("netrender_frames_failed_total", "Frames given up since the master started.", nil, nil)
	descLeases  = prometheus.NewDesc("netrender_leases_total", "Leases granted since the master started.", nil, nil)
	descExpired = prometheus.NewDesc("netrender_leases_expired_total", "Leases whose workers fell silent since the master started.", nil, nil)
	descCommit  = prometheus.NewDesc("netrender_commit_seconds", "How long the last batch took to become durable.", nil, nil)
	descBatch   = prometheus.NewDesc("netrender_commit_changes", "Changes in the last batch.", nil, nil)
	descChecked = prometheus.NewDesc("netrender_database_checked_timestamp_seconds", "When the database was last read through and found whole; 0: not since the start.", nil, nil)
	descDamaged = prometheus.NewDesc("netrender_database_damaged", "1 when reading the database through found it damaged; the log says where.", nil, nil)
	descFree    = prometheus.NewDesc("netrender_disk_free_bytes", "Room on the master's disk that is promised to nobody.", nil, nil)
	descReserve = prometheus.NewDesc("netrender_disk_reserve_bytes", "Room that is kept free of scenes' files; below it they are refused.", nil, nil)
	descTight   = prometheus.NewDesc("netrender_disk_refuses", "1 while what is named is refused for want of room.", []string{"what"}, nil)
	descFetched = prometheus.NewDesc("netrender_worker_fetched_bytes_total", "Bytes of scenes' files that a worker which is there fetched since its start, by where from: the master or other workers.", []string{"worker", "from"}, nil)
	descGiven   = prometheus.NewDesc("netrender_worker_given_bytes_total", "Bytes of scenes' files that a worker which is there gave to others since its start.", []string{"worker"}, nil)
	descSources = prometheus.NewDesc("netrender_sources_total", "Questions where to fetch a file since the master started, by what the worker was led to.", []string{"source"}, nil)
	descUp      = prometheus.NewDesc("netrender_up", "1 when the engine answers.", nil, nil)
)

func (engine) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descJobs, descOnline, descSlots, descBusy, descWaiting, descDone, descFailed,
		descLeases, descExpired, descCommit, descBatch, descUp, descFree, descReserve, descTight, descChecked, descDamaged,
		descFetched, descGiven, descSources,
	} {
		ch <- d
	}
}

func (e engine) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	s, err := e.m.Stats(ctx)
	sound := e.m.Soundness()
	level := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	checked, damaged := 0.0, 0.0
	if !sound.Checked.IsZero() {
		checked = float64(sound.Checked.Unix())
	}
	if sound.Damage != "" {
		damaged = 1
	}
	level(descChecked, checked)
	level(descDamaged, damaged)
	if d, err := e.m.Disk(); err == nil {
		level(descFree, float64(d.Free))
		level(descReserve, float64(d.Reserve))
		level(descTight, float64(one(d.State != farm.DiskOK)), "files")
		level(descTight, float64(one(d.State == farm.DiskFull)), "results")
	}
	if err != nil {
		level(descUp, 0)
		return
	}
	level(descUp, 1)
	for _, state := range farm.JobStates() {
		if n, moves := s.Jobs[state]; moves || !state.Ended() {
			level(descJobs, float64(n), string(state))
		}
	}
	level(descOnline, float64(s.WorkersOnline))
	level(descSlots, float64(s.Slots))
	level(descBusy, float64(s.SlotsBusy))
	level(descWaiting, float64(s.Waiting))
	level(descCommit, s.Commit.Seconds())
	level(descBatch, float64(s.Batch))
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for name, l := range s.Loads {
		count(descFetched, l.FromMaster, name, "master")
		count(descFetched, l.FromPeers, name, "workers")
		count(descGiven, l.Given, name)
	}
	led := e.m.PeerStats()
	count(descSources, led.ToMaster, "master")
	count(descSources, led.ToPeers, "worker")
	for d, n := range map[*prometheus.Desc]int64{descDone: s.FramesDone, descFailed: s.FramesFailed, descLeases: s.Leases, descExpired: s.Expired} {
		count(d, n)
	}
}
