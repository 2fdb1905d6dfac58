package master

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// How long the audit is kept, when nothing else is said.
const (
	auditAge  = 400 * 24 * time.Hour
	auditRows = 200_000
	maxAudit  = 1000 // bytes of a record's text
)

// audit records what who does, with the changes of the step that it is part of.
func (e *engine) audit(who Identity, did farm.Action, subject, format string, args ...any) {
	e.seq++
	a := farm.Audit{
		Seq: e.seq, Time: e.m.opt.Now(), Who: who.Name, Token: who.Token, Role: who.Role, Address: who.Address,
		Action: did, Subject: clip(subject, farm.MaxName), Text: clip(fmt.Sprintf(format, args...), maxAudit),
	}
	e.change(farm.AuditAdd{Audit: a})
	e.after(func(err error) {
		if err == nil {
			e.m.audits.tell(0, 0)
			if e.m.hub.wanted(farm.EventAudit) {
				e.m.hub.publish([]farm.Event{{Time: a.Time, Kind: farm.EventAudit, State: string(a.Action), Text: a.Who}})
			}
		}
	})
}

// Note records something that somebody does which changes nothing that the engine keeps.
func (m *Master) Note(ctx context.Context, who Identity, did farm.Action, subject, text string) error {
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.audit(who, did, subject, "%s", text)
		return struct{}{}, nil
	})
	return err
}

// AuditGrows returns a channel that is closed when something is recorded.
func (m *Master) AuditGrows() <-chan struct{} { return m.audits.wait(0) }

// Audit lists what was done.
func (m *Master) Audit(ctx context.Context, f farm.AuditFilter) ([]farm.Audit, error) {
	f.Limit = min(max(f.Limit, 1), 1000)
	return m.opt.Store.Audit(ctx, f)
}

// trimAudit forgets what is older than it is kept.
func (m *Master) trimAudit(ctx context.Context) error {
	age := m.opt.AuditAge
	if age <= 0 {
		age = auditAge
	}
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.change(farm.AuditTrim{Before: m.opt.Now().Add(-age), Keep: auditRows})
		return struct{}{}, nil
	})
	return err
}

// differ says in which fields two values of a struct differ, in the names of their JSON.
func differ[T any](old, now *T) string {
	was, is := fields(old), fields(now)
	names := slices.Collect(maps.Keys(was))
	for name := range is {
		if _, had := was[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var parts []string
	for _, name := range names {
		if string(was[name]) != string(is[name]) {
			parts = append(parts, fmt.Sprintf("%s: %s, was %s", name, orNone(is[name]), orNone(was[name])))
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, "; ")
}

// fields are the values of a struct by name; those of a struct within are named outer.inner.
func fields(v any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if text, err := json.Marshal(v); err == nil {
		flatten(out, "", text)
	}
	return out
}

func flatten(out map[string]json.RawMessage, name string, text json.RawMessage) {
	inner := map[string]json.RawMessage{}
	if json.Unmarshal(text, &inner) != nil || len(inner) == 0 {
		out[name] = text
		return
	}
	if name != "" {
		name += "."
	}
	for k, v := range inner {
		flatten(out, name+k, v)
	}
}

func orNone(text json.RawMessage) string {
	if len(text) == 0 {
		return "none"
	}
	return string(text)
}
