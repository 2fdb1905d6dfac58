package master

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	pairLives  = 10 * time.Minute
	maxPairs   = 100 // waiting at once
	maxPerHost = 25  // waiting at once from one network: an IPv6 one may be the whole farm's
)

// pairs are newcomers who wait to be let in. They are kept in memory only: after a restart they ask again.
type pairs struct {
	mu  sync.Mutex
	all map[[32]byte]*pairing // by the hash of the newcomer's secret
}

type pairing struct {
	farm.Pairing
	commit string
	nonce  string // once the newcomer said it
	taken  bool   // an answer is under way
	token  string
	done   chan struct{} // closed when it was answered
}

// Newcomer is what somebody says who asks to be let in, and where from.
type Newcomer struct {
	Name    string
	Role    farm.Role
	Kind    string // of machine
	Worker  farm.WorkerID
	Commit  string // see farm.PairCommit; "" when it saw no key, or knows the certificate by its name
	Address string
}

// AskPairing enters a newcomer's request. It shows the code to its person and asks with the secret.
func (m *Master) AskPairing(ctx context.Context, n Newcomer) (farm.Pairing, string, error) {
	if err := n.check(); err != nil {
		return farm.Pairing{}, "", err
	}
	again, err := m.nameOf(ctx, n.Worker)
	if err != nil {
		return farm.Pairing{}, "", err
	}
	secret, err := m.random(32)
	if err != nil {
		return farm.Pairing{}, "", err
	}
	var raw [6]byte
	if _, err := io.ReadFull(m.opt.Rand, raw[:]); err != nil {
		return farm.Pairing{}, "", farm.Errorf(farm.Internal, "no random numbers can be had: %w", err)
	}
	now := m.opt.Now()
	p := &pairing{done: make(chan struct{}), commit: n.Commit, Pairing: farm.Pairing{
		Code: farm.PairCode(raw), Letters: n.Commit != "", Name: n.Name, Role: n.Role, Kind: n.Kind, Address: n.Address, Worker: n.Worker, Again: again,
		Asked: now, Expires: now.Add(pairLives), State: farm.PairWaiting,
	}}
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	m.pairs.sweep(now)
	if !m.pairs.makeRoom(Network(n.Address)) {
		return farm.Pairing{}, "", farm.Errorf(farm.Throttled, "too many newcomers are waiting to be let in from %s", n.Address).
			WithHint("accept or refuse some, or wait ten minutes")
	}
	if m.pairs.all == nil {
		m.pairs.all = make(map[[32]byte]*pairing)
	}
	m.pairs.all[sha256.Sum256([]byte(secret))] = p
	m.hub.publish([]farm.Event{{Time: now, Kind: farm.EventPair, State: string(p.State), Text: p.Code}})
	if m.teller.some.Load() {
		asked := p.Pairing
		go m.post(func(e *engine) { e.tellPairing(&asked) })
	}
	return p.Pairing, secret, nil
}

func (n *Newcomer) check() error {
	switch {
	case n.Role != farm.RoleWorker && n.Role != farm.RoleSubmit && n.Role != farm.RoleView:
		return farm.Errorf(farm.Invalid, "one can be paired as worker, submit or view")
	case n.Commit != "" && len(n.Commit) != 64:
		return farm.Errorf(farm.Invalid, "a commitment is 64 hex digits")
	case n.Name == "" || len(n.Name) > farm.MaxName || len(n.Kind) > farm.MaxName:
		return farm.Errorf(farm.Invalid, "a name is 1 to %d bytes long", farm.MaxName)
	case n.Worker != "" && (n.Role != farm.RoleWorker || !plainID(n.Worker)):
		return errNoWorkerID
	}
	return nil
}

// makeRoom tells whether one more from the network may wait. When all places are taken, the network that has most of them
// loses its oldest to one that has fewer: a few addresses cannot keep all others out, and a hundred machines that are
// started together do not push one another out.
func (p *pairs) makeRoom(from string) bool {
	waiting := make(map[string][][32]byte)
	n := 0
	for k, o := range p.all {
		if o.State == farm.PairWaiting {
			of := Network(o.Address)
			waiting[of] = append(waiting[of], k)
			n++
		}
	}
	if len(waiting[from]) >= maxPerHost {
		return false
	}
	if n < maxPairs {
		return true
	}
	var out [32]byte
	most, asked := 0, time.Time{}
	for _, keys := range waiting {
		for _, k := range keys {
			if o := p.all[k]; !o.taken && len(keys) > len(waiting[from])+1 && (len(keys) > most || len(keys) == most && o.Asked.Before(asked)) {
				out, most, asked = k, len(keys), o.Asked
			}
		}
	}
	if most == 0 {
		return false
	}
	o := p.all[out]
	o.State = farm.PairExpired
	close(o.done)
	delete(p.all, out)
	return true
}

// sweep forgets requests that are over.
func (p *pairs) sweep(now time.Time) {
	for k, o := range p.all {
		if now.After(o.Expires) && !o.taken {
			if o.State == farm.PairWaiting {
				o.State = farm.PairExpired
				close(o.done)
			}
			delete(p.all, k)
		}
	}
}

// WaitPairing returns how the newcomer's request stands, when it was answered or ctx ends. The token is handed over
// once. nonce is what the newcomer committed itself to, or "".
func (m *Master) WaitPairing(ctx context.Context, secret, nonce string) (farm.PairState, string, error) {
	key := sha256.Sum256([]byte(secret))
	m.pairs.mu.Lock()
	m.pairs.sweep(m.opt.Now())
	p := m.pairs.all[key]
	said := p != nil && (nonce == "" || p.says(nonce))
	m.pairs.mu.Unlock()
	switch {
	case p == nil:
		return farm.PairExpired, "", nil
	case !said:
		return "", "", farm.Errorf(farm.Invalid, "this is not the nonce that was promised")
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	case <-m.quit:
		return "", "", errStopped
	}
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	token := p.token
	if p.State != farm.PairWaiting {
		p.token = ""
		delete(m.pairs.all, key)
	}
	return p.State, token, nil
}

// Pairings lists who waits, oldest first.
func (m *Master) Pairings(ctx context.Context) ([]farm.Pairing, error) {
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	m.pairs.sweep(m.opt.Now())
	list := []farm.Pairing{}
	for _, p := range m.pairs.all {
		if p.State == farm.PairWaiting {
			list = append(list, p.Pairing)
		}
	}
	slices.SortFunc(list, func(a, b farm.Pairing) int { return a.Asked.Compare(b.Asked) })
	return list, nil
}

// says takes the newcomer's nonce.
func (p *pairing) says(nonce string) bool {
	if farm.PairCommit(nonce) != p.commit {
		return false
	}
	p.nonce = nonce
	return true
}

// compare tells whether the newcomer saw the key with the pin, "" for none. An error of kind Mismatch means that it saw
// another one. byName tells that it may have known the certificate by its name instead.
func (p *pairing) compare(letters, pin string, byName bool) error {
	other := farm.Errorf(farm.Mismatch, "the newcomer did not see this master's key: its code ends in other letters, or was mistyped; it is refused").
		WithHint("let it ask again; if the letters differ again, somebody stands between the two machines")
	switch {
	case pin == "" && letters == "" && p.commit == "", byName && letters == "" && p.commit == "":
		return nil
	case pin == "" || p.commit == "":
		return other
	case letters == "":
		return farm.Errorf(farm.Invalid, "the newcomer shows four more letters behind the code").WithHint("type all of it, as ABC-DEF-GHJK: the letters show that nobody stands between the two machines")
	case p.nonce == "":
		return farm.Errorf(farm.Conflict, "the newcomer has not said yet what its letters are made of").WithHint("try again in a moment")
	case letters != farm.PairLetters(pin, p.Code, p.nonce):
		return other
	}
	return nil
}

// doorPin is of the key that the door shows, "" when it does not encrypt.
func (m *Master) doorPin() string {
	if m.opt.Pin == nil {
		return ""
	}
	return m.opt.Pin()
}

// AnswerPairing lets the newcomer with the code in, or refuses it. To be let in the code must be whole: see compare.
func (m *Master) AnswerPairing(ctx context.Context, who Identity, typed string, accept bool) (farm.Pairing, error) {
	code, letters, err := farm.SplitCode(typed)
	if err != nil {
		return farm.Pairing{}, err
	}
	p, err := m.takeUp(code)
	if err != nil {
		return farm.Pairing{}, err
	}
	state, secret, err := m.decide(ctx, who, p, letters, accept)
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	p.taken = false
	if state == farm.PairWaiting {
		return farm.Pairing{}, err
	}
	p.State, p.token = state, secret
	close(p.done)
	m.hub.publish([]farm.Event{{Time: m.opt.Now(), Kind: farm.EventPair, State: string(state), Text: p.Code}})
	if err != nil {
		return farm.Pairing{}, err
	}
	return p.Pairing, nil
}

// decide lets a newcomer in or not, durably.
func (m *Master) decide(ctx context.Context, who Identity, p *pairing, letters string, accept bool) (state farm.PairState, secret string, err error) {
	about := fmt.Sprintf("%s (%s) from %s as %s", p.Name, p.Kind, p.Address, p.Role)
	if !accept {
		if err := m.Note(ctx, who, farm.DidRefuse, p.Code, about); err != nil {
			return farm.PairWaiting, "", err
		}
		return farm.PairRefused, "", nil
	}
	m.pairs.mu.Lock()
	err = p.compare(letters, m.doorPin(), m.opt.ByName)
	m.pairs.mu.Unlock()
	switch {
	case farm.KindOf(err) == farm.Mismatch:
		if err := m.Note(ctx, who, farm.DidRefuse, p.Code, about+": it saw another key than the master's"); err != nil {
			return farm.PairWaiting, "", err
		}
		return farm.PairRefused, "", err
	case err != nil:
		return farm.PairWaiting, "", err
	}
	_, secret, err = m.makeToken(ctx, who, p.Name, p.Role, p.Worker, func(e *engine, t *farm.Token) {
		e.audit(who, farm.DidAccept, p.Code, "%s, with token %s", about, t.ID)
	})
	if err != nil {
		return farm.PairWaiting, "", err
	}
	return farm.PairAccepted, secret, nil
}

// takeUp finds who waits with the code, for one answer at a time.
func (m *Master) takeUp(code string) (*pairing, error) {
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	m.pairs.sweep(m.opt.Now())
	for _, p := range m.pairs.all {
		switch {
		case p.Code != code || p.State != farm.PairWaiting:
		case p.taken:
			return nil, farm.Errorf(farm.Conflict, "the code %s is being answered by somebody else", code)
		default:
			p.taken = true
			return p, nil
		}
	}
	return nil, farm.Errorf(farm.NotFound, "nobody with the code %s is waiting", code).WithHint("codes live ten minutes; netrender pair list shows who waits")
}
