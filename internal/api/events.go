package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) eventRoutes(d *describer) {
	d.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[farm.Event](), true, "Event") // no body has it, but every line of the stream
	d.plain(route{
		method: http.MethodGet, path: "/events", role: farm.RoleView, name: "watchEvents",
		about: "Events as they happen, as text/event-stream; data is an Event", out: raw{"text/event-stream"}, params: []param{
			inQuery("job", "integer", "of this job only"), inQuery("kinds", "string", "job, frame, beat, worker, disk, attention, pair, token, audit; separated by commas; the last three for admins"),
			inQuery("every", "integer", "milliseconds, 200 to 10000: tell only the last event of each kind of each job, and of each worker's own, this often"),
		},
	}, a.events)
}

// eventFilter selects events. Lost ones concern everybody.
type eventFilter struct {
	job   farm.JobID
	kinds []farm.EventKind
	admin bool // sees who asks to be let in, what becomes of tokens, and who does what
}

func (f *eventFilter) wants(e *farm.Event) bool {
	if e.Kind == farm.EventLost {
		return true
	}
	switch e.Kind {
	case farm.EventPair, farm.EventToken, farm.EventAudit:
		if !f.admin {
			return false
		}
	default:
	}
	return (f.job == 0 || e.Job == f.job) && (len(f.kinds) == 0 || slices.Contains(f.kinds, e.Kind))
}

func readEventFilter(r *http.Request) (f eventFilter, err error) {
	q := r.URL.Query()
	if text := q.Get("job"); text != "" {
		if f.job, err = farm.ParseJobID(text); err != nil {
			return f, err
		}
	}
	if text := q.Get("kinds"); text != "" {
		known := farm.EventKinds()
		for _, k := range strings.Split(text, ",") {
			if !slices.Contains(known, farm.EventKind(k)) {
				return f, farm.Errorf(farm.Invalid, "%q is not a kind of event", clip(k)).WithHint("kinds are job, frame, beat, worker, disk, attention, pair, token and audit; the last three for admins")
			}
			f.kinds = append(f.kinds, farm.EventKind(k))
		}
	}
	return f, nil
}

// readEvery is how often a gathered stream speaks; 0: it tells each event.
func readEvery(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("every")
	if text == "" {
		return 0, nil
	}
	ms, err := strconv.Atoi(text)
	if err != nil || ms < int(leastEvery/time.Millisecond) || ms > int(mostEvery/time.Millisecond) {
		return 0, farm.Errorf(farm.Invalid, "every is a whole number of milliseconds from %d to %d, not %q", leastEvery/time.Millisecond, mostEvery/time.Millisecond, clip(text))
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// events streams until somebody leaves. A reader that cannot keep up is told by an event of kind lost; one that does
// not read at all is dropped by the write deadline.
func (a *API) events(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	filter, err := readEventFilter(r)
	if err != nil {
		return err
	}
	filter.admin = who.Role == farm.RoleAdmin
	every, err := readEvery(r)
	if err != nil {
		return err
	}
	ctx, end := a.hold(w, r, who)
	defer end()
	if every > 0 {
		a.gatheredEvents(ctx, w, &filter, every)
		return nil
	}
	events := a.m.Watch(ctx, filter.kinds...)
	send := a.sender(w)
	if send([]byte("retry: 1000\n: the stream stands\n\n")) != nil {
		return nil
	}
	alive := time.NewTicker(wire.KeepAlive)
	defer alive.Stop()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for {
		text.Reset()
		select {
		case <-alive.C:
			text.WriteString(": alive\n\n")
		case e, open := <-events:
			for n := 0; open; n++ { // what is there goes out at once
				if filter.wants(&e) {
					text.WriteString("data: ")
					if err := enc.Encode(&e); err != nil {
						return err
					}
					text.WriteByte('\n')
				}
				if n == 256 {
					break
				}
				select {
				case e, open = <-events:
					continue
				default:
				}
				break
			}
			if !open && text.Len() == 0 {
				return nil
			}
		}
		if text.Len() > 0 && send(text.Bytes()) != nil {
			return nil
		}
	}
}
