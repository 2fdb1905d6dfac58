package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/wire"
)

// The door speaks HTTP:
//
//	GET /peer/v1/REF     Netrender-Ticket: of the master; Range: bytes=N- or not given
//
// 200 or 206: the bytes from there to the end, as they arrive here, with Upload-Size: the bytes of the whole, and
// Netrender-Whole: 1 where they were verified. The connection breaks where no more come. 403: no valid ticket; 404: the
// blob is not here; 503: too many are served.
const (
	root         = "/peer/v1/"
	headerTicket = "Netrender-Ticket"
	headerWhole  = "Netrender-Whole"
)

// Limits of the door.
const (
	maxConnections = 128
	maxReaders     = 48               // transfers at once; the network shares its width among them
	readersOfOne   = 12               // of one worker
	headerTime     = 5 * time.Second  // for a request to be sent
	idleTime       = 10 * time.Second // between two requests on a connection
	stallTime      = 60 * time.Second // for stepSize to be taken, and for more of a blob to arrive
	stepSize       = 1 << 20
	maxHeader      = 8 << 10
)

type door struct {
	node   *Node
	listen net.Listener
	pin    string
	stall  time.Duration

	mu      sync.Mutex
	readers map[farm.WorkerID]int // guarded by mu: transfers that run
	all     int                   // guarded by mu
}

func openDoor(n *Node) (*door, error) {
	d := &door{node: n, readers: make(map[farm.WorkerID]int), stall: stallTime}
	config, pin, err := identity(n.opt)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", ":"+strconv.Itoa(n.opt.Port))
	if err != nil {
		return nil, farm.Errorf(farm.Conflict, "the port %d cannot be opened: %w", n.opt.Port, err).WithHint("choose another one with --peer-port")
	}
	d.pin, d.listen = pin, newBounded(l, maxConnections)
	if config != nil {
		d.listen = tls.NewListener(d.listen, config)
	}
	return d, nil
}

func (d *door) serve(ctx context.Context) {
	s := &http.Server{
		Handler: d, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(io.Discard, "", 0), // what strangers send is not worth a line
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(d.listen); err != nil && ctx.Err() == nil {
		d.node.opt.Log.Error("other workers cannot fetch from here any more", "err", err)
	}
}

// ServeHTTP answers a call. A ticket is looked at before anything else, so that strangers cost nothing.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Connection", "close") // a reader makes a connection for each blob
	refuse := func(status int) {
		h.Set("Content-Length", "0")
		w.WriteHeader(status)
	}
	text, ok := strings.CutPrefix(r.URL.Path, root)
	ref, err := blob.ParseRef(text)
	if !ok || err != nil {
		refuse(http.StatusNotFound)
		return
	}
	k := d.node.key.Load()
	if k == nil {
		refuse(http.StatusForbidden)
		return
	}
	now := d.node.opt.Now().Add(k.ahead)
	who, ok := farm.CheckTicket(k.secret, d.node.opt.Worker, text, r.Header.Get(headerTicket), now)
	if !ok {
		refuse(http.StatusForbidden)
		return
	}
	offset, ok := begin(r.Header.Get("Range"))
	switch {
	case r.Method != http.MethodGet:
		refuse(http.StatusMethodNotAllowed)
		return
	case !ok:
		refuse(http.StatusRequestedRangeNotSatisfiable)
		return
	case !d.enter(who):
		refuse(http.StatusServiceUnavailable)
		return
	}
	defer d.leave(who)
	share, err := d.node.opt.Cache.Share(ref)
	if err != nil {
		d.node.lost(ref)
		refuse(http.StatusNotFound)
		return
	}
	defer share.Close()
	if offset > share.Size() || offset == share.Size() && offset > 0 {
		refuse(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	if err := d.send(r.Context(), w, share, offset); err != nil {
		panic(http.ErrAbortHandler) // so that the reader knows
	}
}

// begin reads where a range without an end begins (RFC 9110, 14.1.2); none begins at 0.
func begin(header string) (offset int64, ok bool) {
	if header == "" {
		return 0, true
	}
	text, ok := strings.CutPrefix(header, "bytes=")
	if text, open := strings.CutSuffix(text, "-"); ok && open && len(text) < 20 {
		offset, err := strconv.ParseInt(text, 10, 64)
		return offset, err == nil && offset >= 0
	}
	return 0, false
}

func (d *door) enter(who farm.WorkerID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= maxReaders || d.readers[who] >= readersOfOne {
		return false
	}
	d.all++
	d.readers[who]++
	return true
}

func (d *door) leave(who farm.WorkerID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	if d.readers[who]--; d.readers[who] == 0 {
		delete(d.readers, who)
	}
}

var errShort = errors.New("the file is shorter than it was")

// send writes the blob from the offset on, as it arrives.
func (d *door) send(ctx context.Context, w http.ResponseWriter, share *blob.Share, offset int64) error {
	size := share.Size()
	h, rc := w.Header(), http.NewResponseController(w)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(size-offset, 10))
	h.Set(wire.HeaderSize, strconv.FormatInt(size, 10))
	status := http.StatusOK
	if offset > 0 {
		h.Set("Content-Range", "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(size-1, 10)+"/"+strconv.FormatInt(size, 10))
		status = http.StatusPartialContent
	}
	if share.Whole() {
		h.Set(headerWhole, "1")
	}
	w.WriteHeader(status)
	for offset < size {
		_ = rc.SetWriteDeadline(d.node.opt.Now().Add(d.stall))
		if err := rc.Flush(); err != nil { // whoever waits for more has what there is
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, d.stall)
		end, err := share.Wait(waiting, offset)
		cancel()
		if err != nil {
			return err
		}
		for offset < end {
			want := min(end-offset, stepSize)
			section, err := share.Section(offset, want)
			if err != nil {
				return err
			}
			_ = rc.SetWriteDeadline(d.node.opt.Now().Add(d.stall))
			n, err := io.Copy(w, section)
			d.node.given.Add(n)
			offset += n
			if err == nil && n < want {
				err = errShort
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
