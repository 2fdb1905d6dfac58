package master

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

const (
	pairLives  = 10 * time.Minute
	maxPairs   = 100 // waiting at once
	maxPerHost = 5   // waiting at once from one address
)

// codeLetters leaves out what looks alike.
const codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// pairs are newcomers who wait to be let in. They are kept in memory only: after a restart they ask again.
type pairs struct {
	mu  sync.Mutex
	all map[[32]byte]*pairing // by the hash of the newcomer's secret
}

type pairing struct {
	farm.Pairing
	token string
	done  chan struct{} // closed when it was answered
}

// Newcomer is what somebody says who asks to be let in, and where from.
type Newcomer struct {
	Name    string
	Role    farm.Role
	Kind    string // of machine
	Worker  farm.WorkerID
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
	raw := make([]byte, 6)
	if _, err := io.ReadFull(m.opt.Rand, raw); err != nil {
		return farm.Pairing{}, "", farm.Errorf(farm.Internal, "no random numbers can be had: %w", err)
	}
	code := make([]byte, 0, 7)
	for i, b := range raw {
		if i == 3 {
			code = append(code, '-')
		}
		code = append(code, codeLetters[int(b)%len(codeLetters)])
	}
	now := m.opt.Now()
	p := &pairing{done: make(chan struct{}), Pairing: farm.Pairing{
		Code: string(code), Name: n.Name, Role: n.Role, Kind: n.Kind, Address: n.Address, Worker: n.Worker, Again: again,
		Asked: now, Expires: now.Add(pairLives), State: farm.PairWaiting,
	}}
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	m.pairs.sweep(now)
	waiting, here := 0, 0
	for _, o := range m.pairs.all {
		if o.State == farm.PairWaiting {
			waiting++
			if o.Address == n.Address {
				here++
			}
		}
	}
	if waiting >= maxPairs || here >= maxPerHost {
		return farm.Pairing{}, "", farm.Errorf(farm.Throttled, "too many newcomers are waiting to be let in").WithHint("accept or refuse some, or wait ten minutes")
	}
	if m.pairs.all == nil {
		m.pairs.all = make(map[[32]byte]*pairing)
	}
	m.pairs.all[sha256.Sum256([]byte(secret))] = p
	m.hub.publish([]farm.Event{{Time: now, Kind: farm.EventPair, State: string(p.State), Text: p.Code}})
	return p.Pairing, secret, nil
}

func (n *Newcomer) check() error {
	switch {
	case n.Role != farm.RoleWorker && n.Role != farm.RoleSubmit && n.Role != farm.RoleView:
		return farm.Errorf(farm.Invalid, "one can be paired as worker, submit or view")
	case n.Name == "" || len(n.Name) > farm.MaxName || len(n.Kind) > farm.MaxName:
		return farm.Errorf(farm.Invalid, "a name is 1 to %d bytes long", farm.MaxName)
	case n.Worker != "" && (n.Role != farm.RoleWorker || !plainID(n.Worker)):
		return errNoWorkerID
	}
	return nil
}

// sweep forgets requests that are over.
func (p *pairs) sweep(now time.Time) {
	for k, o := range p.all {
		if now.After(o.Expires) {
			if o.State == farm.PairWaiting {
				o.State = farm.PairExpired
				close(o.done)
			}
			delete(p.all, k)
		}
	}
}

// WaitPairing returns how the newcomer's request stands, when it was answered or ctx ends. The token is handed over
// once.
func (m *Master) WaitPairing(ctx context.Context, secret string) (farm.PairState, string, error) {
	key := sha256.Sum256([]byte(secret))
	m.pairs.mu.Lock()
	m.pairs.sweep(m.opt.Now())
	p := m.pairs.all[key]
	m.pairs.mu.Unlock()
	if p == nil {
		return farm.PairExpired, "", nil
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

// AnswerPairing lets the newcomer with the code in, or refuses it.
func (m *Master) AnswerPairing(ctx context.Context, who Identity, code string, accept bool) (farm.Pairing, error) {
	m.pairs.mu.Lock()
	m.pairs.sweep(m.opt.Now())
	var p *pairing
	for _, o := range m.pairs.all {
		if o.Code == code && o.State == farm.PairWaiting {
			p = o
		}
	}
	m.pairs.mu.Unlock()
	if p == nil {
		return farm.Pairing{}, farm.Errorf(farm.NotFound, "nobody with the code %s is waiting", clip(code, 20)).
			WithHint("codes live ten minutes; netrender pair lists who waits")
	}
	state, secret := farm.PairRefused, ""
	if accept {
		var err error
		if _, secret, err = m.CreateTokenFor(ctx, who, p.Name, p.Role, p.Worker); err != nil {
			return farm.Pairing{}, err
		}
		state = farm.PairAccepted
	}
	m.pairs.mu.Lock()
	defer m.pairs.mu.Unlock()
	if p.State != farm.PairWaiting {
		return farm.Pairing{}, farm.Errorf(farm.Conflict, "the code %s was answered meanwhile", p.Code)
	}
	p.State, p.token = state, secret
	close(p.done)
	m.hub.publish([]farm.Event{{Time: m.opt.Now(), Kind: farm.EventPair, State: string(state), Text: p.Code}})
	return p.Pairing, nil
}
