package master

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// TargetChange is what an admin wants of a target; nil leaves it as it is.
type TargetChange struct {
	Name      *string
	URL       *string
	Kinds     *[]farm.MessageKind
	Owner     *string
	Enabled   *bool
	NewSecret bool // of a webhook
}

var errNoCourier = farm.Errorf(farm.Conflict, "this master delivers no notifications")

func noTarget(id string) error {
	return farm.Errorf(farm.NotFound, "there is no target %s", clip(id, 40)).WithHint("netrender notify list shows them")
}

// Targets lists the targets of notifications, by name.
func (m *Master) Targets() []farm.Target {
	t := &m.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]farm.Target, 0, len(t.all))
	for _, tl := range t.all {
		list = append(list, tl.Target)
	}
	slices.SortFunc(list, func(a, b farm.Target) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return list
}

// AddTarget makes a target. secret is given out this once; "": it has none.
func (m *Master) AddTarget(ctx context.Context, who Identity, c TargetChange) (t farm.Target, secret string, err error) {
	if m.opt.Courier == nil {
		return t, "", errNoCourier
	}
	if c.URL == nil {
		return t, "", farm.Errorf(farm.Invalid, "say where to deliver: a URL")
	}
	raw := make([]byte, 6)
	if _, err := io.ReadFull(m.opt.Rand, raw); err != nil {
		return t, "", farm.Errorf(farm.Internal, "no random numbers can be had: %w", err)
	}
	at, err := m.checkURL(c.URL)
	if err != nil {
		return t, "", err
	}
	t = farm.Target{ID: hex.EncodeToString(raw), Enabled: true, Created: m.opt.Now().UTC(), Kinds: farm.MessageKinds()}
	if secret, err = m.changeTarget(&t, c, at); err != nil {
		return t, "", err
	}
	_, err = keep(ctx, m, func(e *engine) (struct{}, error) {
		e.m.teller.mu.Lock()
		defer e.m.teller.mu.Unlock()
		if len(e.m.teller.all) >= farm.MaxTargets {
			return struct{}{}, farm.Errorf(farm.TooLarge, "the farm has %d targets, and takes no more", farm.MaxTargets).WithHint("remove one: netrender notify remove")
		}
		e.m.teller.all[t.ID] = &telling{Target: t}
		e.m.teller.changed()
		e.change(farm.TargetSet{Target: t})
		e.audit(who, farm.DidMakeTarget, t.ID, "%s, %s", t.Name, t.Where)
		return struct{}{}, nil
	})
	return t, secret, err
}

// ChangeTarget changes a target. secret is a new one, given out this once; "": it has none, or still the old one.
func (m *Master) ChangeTarget(ctx context.Context, who Identity, id string, c TargetChange) (t farm.Target, secret string, err error) {
	if m.opt.Courier == nil {
		return t, "", errNoCourier
	}
	at, err := m.checkURL(c.URL)
	if err != nil {
		return t, "", err
	}
	_, err = keep(ctx, m, func(e *engine) (_ struct{}, err error) {
		e.m.teller.mu.Lock()
		defer e.m.teller.mu.Unlock()
		tl := e.m.teller.all[id]
		if tl == nil {
			return struct{}{}, noTarget(id)
		}
		t = tl.Target
		if secret, err = m.changeTarget(&t, c, at); err != nil {
			return struct{}{}, err
		}
		was := tl.Target
		if t.Enabled != was.Enabled || t.URL != was.URL {
			tl.well()
			t.Failing, t.Error = tl.Failing, tl.Error
		}
		tl.Target = t
		if !t.Enabled && len(tl.queue) > 0 {
			var end []string
			for _, w := range tl.queue {
				end = append(end, w.ID)
			}
			tl.queue = nil
			e.change(farm.PendingEnd{Target: id, Messages: end})
		}
		e.m.teller.changed()
		e.change(farm.TargetSet{Target: t})
		text := differ(&was, &t)
		if c.URL != nil && t.URL != was.URL {
			text += "; another URL"
		}
		if secret != "" {
			text += "; a new secret"
		}
		e.audit(who, farm.DidChangeTarget, id, "%s: %s", t.Name, text)
		e.targetNeeds(&was, &t)
		return struct{}{}, nil
	})
	return t, secret, err
}

// place is what a courier says of a URL.
type place struct {
	where   string
	webhook bool
}

// checkURL asks the courier, whom the loop does not wait for.
func (m *Master) checkURL(url *string) (at place, err error) {
	if url != nil {
		at.where, at.webhook, err = m.opt.Courier.Check(*url)
	}
	return at, err
}

// changeTarget makes the change, or refuses it.
func (m *Master) changeTarget(t *farm.Target, c TargetChange, at place) (secret string, err error) {
	if c.URL != nil {
		c.NewSecret = c.NewSecret || at.webhook && t.Secret == ""
		t.URL, t.Where = strings.TrimSpace(*c.URL), clip(at.where, 200)
		if !at.webhook {
			t.Secret, c.NewSecret = "", false
		}
	} else if c.NewSecret && t.Secret == "" {
		return "", farm.Errorf(farm.Invalid, "only webhooks have a secret")
	}
	if c.Name != nil {
		t.Name = strings.TrimSpace(*c.Name)
	}
	if t.Name == "" {
		t.Name = t.Where
	}
	if c.Kinds != nil {
		t.Kinds = slices.Clone(*c.Kinds)
		slices.Sort(t.Kinds)
		t.Kinds = slices.Compact(t.Kinds)
	}
	if c.Owner != nil {
		t.Owner = strings.TrimSpace(*c.Owner)
	}
	if c.Enabled != nil {
		t.Enabled = *c.Enabled
	}
	if err := t.Check(); err != nil {
		return "", err
	}
	if c.NewSecret {
		key := make([]byte, 32)
		if _, err := io.ReadFull(m.opt.Rand, key); err != nil {
			return "", farm.Errorf(farm.Internal, "no random numbers can be had: %w", err)
		}
		secret = m.opt.Courier.Secret(key)
		t.Secret = secret
	}
	return secret, nil
}

// RemoveTarget forgets a target and what waits for it.
func (m *Master) RemoveTarget(ctx context.Context, who Identity, id string) error {
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.m.teller.mu.Lock()
		defer e.m.teller.mu.Unlock()
		tl := e.m.teller.all[id]
		if tl == nil {
			return struct{}{}, noTarget(id)
		}
		delete(e.m.teller.all, id)
		e.m.teller.changed()
		e.change(farm.TargetDelete{ID: id})
		e.audit(who, farm.DidRemoveTarget, id, "%s, %s", tl.Name, tl.Where)
		e.targetNeeds(&tl.Target, &farm.Target{Enabled: true})
		return struct{}{}, nil
	})
	return err
}

// TestTarget sends a message to a target now, also to one that is disabled, and returns what it answered.
func (m *Master) TestTarget(ctx context.Context, who Identity, id string) (farm.Answer, error) {
	if m.opt.Courier == nil {
		return farm.Answer{}, errNoCourier
	}
	message := farm.Message{Kind: farm.TellTest, Path: "/settings/notifications", Text: fmt.Sprintf("This is a test, sent by %s.", clip(who.Name, 100))}
	target, err := keep(ctx, m, func(e *engine) (t farm.Target, err error) {
		e.m.teller.mu.Lock()
		defer e.m.teller.mu.Unlock()
		tl := e.m.teller.all[id]
		if tl == nil {
			return t, noTarget(id)
		}
		e.audit(who, farm.DidTestTarget, id, "%s, %s", tl.Name, tl.Where)
		message.ID, message.Time = fmt.Sprintf("msg_%x_%s", e.seq, id), m.opt.Now().UTC()
		return tl.Target, nil
	})
	if err != nil {
		return farm.Answer{}, err
	}
	a := m.opt.Courier.Send(ctx, &target, []farm.Message{message})
	if err := ctx.Err(); err != nil && !a.OK {
		return a, err
	}
	t := &m.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	if tl := t.all[id]; tl != nil {
		d := farm.Delivery{Messages: []string{message.ID}, Kind: message.Kind, Text: message.Text, Time: m.opt.Now(), State: farm.Dropped, Tries: 1, Answer: a}
		if a.OK {
			d.State = farm.Delivered
			was := tl.Target
			tl.well()
			m.keepTold(&was, tl, nil)
			t.changed()
		}
		tl.note(d)
	}
	return a, nil
}

// Deliveries lists what became of messages, the newest first: of one target, or of all. What was delivered before the start
// is not known.
func (m *Master) Deliveries(id string) ([]farm.Delivery, error) {
	t := &m.teller
	t.mu.Lock()
	defer t.mu.Unlock()
	if id != "" && t.all[id] == nil {
		return nil, noTarget(id)
	}
	list := []farm.Delivery{}
	for _, tl := range t.all {
		if id != "" && tl.ID != id {
			continue
		}
		list = append(list, tl.log...)
		for _, w := range tl.queue[max(0, len(tl.queue)-maxNoted):] {
			d := farm.Delivery{
				Target: tl.ID, Messages: []string{w.ID}, Kind: w.Kind, Text: w.Text, Time: w.Time, State: farm.Waits, Tries: w.tries, Answer: w.last, Next: w.next,
			}
			if tl.pause.After(d.Next) {
				d.Next = tl.pause
			}
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b farm.Delivery) int { return b.Time.Compare(a.Time) })
	return list[:min(len(list), 10*maxNoted)], nil
}
