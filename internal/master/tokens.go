package master

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Identity is who is speaking: the token's name and role, and where from.
type Identity struct {
	Token   string // id of the token; empty on an open farm
	Login   string // id of the login, for a browser
	Name    string
	Role    farm.Role
	Address string // without port
}

// auth knows the tokens by the hash of their text. It has a lock of its own: every request asks it.
type auth struct {
	mu     sync.RWMutex
	byHash map[[32]byte]*holder
	byID   map[string]*holder
	byMark map[string]*holder
	links  map[[32]byte]link   // by the hash of their secret
	logins map[[32]byte]*login // by the hash of their cookie
	wrong  map[string]wrongs   // by the network they come from
}

type holder struct {
	token   farm.Token
	hash    [32]byte
	revoked chan struct{} // closed when the token is revoked
	used    time.Time     // newer than token.Used: to be kept now and then
}

func (a *auth) load(tokens []farm.Token, logins []farm.Login) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.links == nil {
		a.links, a.wrong = make(map[[32]byte]link), make(map[string]wrongs)
	}
	old := a.byID
	a.byHash, a.byID, a.byMark = make(map[[32]byte]*holder), make(map[string]*holder), make(map[string]*holder)
	for _, t := range tokens {
		h := &holder{token: t, revoked: make(chan struct{}), used: t.Used}
		if o := old[t.ID]; o != nil {
			h.revoked = o.revoked
		}
		a.enter(h)
	}
	a.loadLogins(logins)
}

func (a *auth) enter(h *holder) {
	raw, err := hex.DecodeString(h.token.Hash)
	if err != nil || len(raw) != 32 {
		return
	}
	h.hash = [32]byte(raw)
	a.byHash[h.hash] = h
	a.byID[h.token.ID] = h
	a.byMark[farm.TokenMark(h.hash)] = h
}

// Authenticate finds who holds the secret. Only its hash is looked up: a map of hashes tells an attacker nothing by
// its timing, for he cannot choose the hash.
func (m *Master) Authenticate(secret, address string) (Identity, error) {
	sum := farm.TokenHash(secret)
	now := m.opt.Now()
	m.auth.mu.RLock()
	h := m.auth.byHash[sum]
	stale := h != nil && now.Sub(h.used) > time.Minute
	m.auth.mu.RUnlock()
	if h == nil {
		return Identity{}, errNoSuchToken
	}
	if stale {
		m.auth.mu.Lock()
		h.used = now
		m.auth.mu.Unlock()
	}
	return Identity{Token: h.token.ID, Name: h.token.Name, Role: h.token.Role, Address: address}, nil
}

var errNoSuchToken = farm.Errorf(farm.Denied, "this token is not known here, or was revoked").
	WithHint("ask an admin of the farm for one, or run netrender pair")

// Prove proves to the holder of a token that it is known here. where is where the question came in.
func (m *Master) Prove(mark, nonce, where string) (string, error) {
	m.auth.mu.RLock()
	h := m.auth.byMark[mark]
	m.auth.mu.RUnlock()
	if h == nil {
		return "", errNoSuchToken
	}
	return farm.Proof(h.hash, nonce, where), nil
}

// Revoked returns a channel that is closed when the identity's token is revoked, or its login ends: what it has open
// ends then.
func (m *Master) Revoked(who Identity) <-chan struct{} {
	m.auth.mu.RLock()
	defer m.auth.mu.RUnlock()
	switch h := m.auth.byID[who.Token]; {
	case who.Token == "":
		return nil
	case who.Login != "":
		for _, l := range m.auth.logins {
			if l.ID == who.Login {
				return l.ended
			}
		}
	case h != nil:
		return h.revoked
	}
	return over // it was revoked between being asked for and now
}

var over = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// maxTokens bounds what is searched and kept.
const maxTokens = 20_000

func (a *auth) count() int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.byID)
}

// admins counts the tokens of admins; the lock is held.
func (a *auth) admins() (n int) {
	for _, h := range a.byID {
		if h.token.Role == farm.RoleAdmin {
			n++
		}
	}
	return n
}

// lives tells whether there is a token with the id.
func (a *auth) lives(id string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.byID[id] != nil
}

// Tokens lists what is kept of all tokens, oldest first.
func (m *Master) Tokens(ctx context.Context) ([]farm.Token, error) { return m.TokensAfter(ctx, "", 0) }

// TokensAfter lists tokens, oldest first, those after the token of an id; at most limit, or all with 0. A token that was
// revoked since is none to go on after.
func (m *Master) TokensAfter(_ context.Context, after string, limit int) ([]farm.Token, error) {
	m.auth.mu.RLock()
	defer m.auth.mu.RUnlock()
	older := func(x, y farm.Token) int { return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID)) }
	var last farm.Token
	if after != "" {
		h := m.auth.byID[after]
		if h == nil {
			return nil, farm.Errorf(farm.NotFound, "there is no token %s to go on after", clip(after, 40)).WithHint("begin with the first page")
		}
		last = h.token
	}
	list := make([]farm.Token, 0, len(m.auth.byID))
	for _, h := range m.auth.byID {
		t := h.token
		if t.Used, t.Hash = h.used, ""; after == "" || older(last, t) < 0 {
			list = append(list, t)
		}
	}
	return firsts(list, limit, older), nil
}

// CreateToken makes a token and returns its text, which is kept nowhere.
func (m *Master) CreateToken(ctx context.Context, who Identity, name string, role farm.Role) (farm.Token, string, error) {
	return m.CreateTokenFor(ctx, who, name, role, "")
}

// CreateTokenFor makes a token for a worker, which is its alone from then on. It need not be there yet.
func (m *Master) CreateTokenFor(ctx context.Context, who Identity, name string, role farm.Role, worker farm.WorkerID) (farm.Token, string, error) {
	return m.makeToken(ctx, who, name, role, worker, func(e *engine, t *farm.Token) {
		e.audit(who, farm.DidMakeToken, t.ID, "%s (%s)", t.Name, t.Role)
	})
}

// makeToken makes a token; also is part of the step.
func (m *Master) makeToken(ctx context.Context, who Identity, name string, role farm.Role, worker farm.WorkerID, also func(*engine, *farm.Token)) (farm.Token, string, error) {
	if worker != "" && role != farm.RoleWorker {
		return farm.Token{}, "", farm.Errorf(farm.Invalid, "a worker's token has the role worker, not %s", clip(string(role), 40))
	}
	if !slices.Contains(farm.Roles(), role) {
		return farm.Token{}, "", farm.Errorf(farm.Invalid, "%q is not a role", clip(string(role), 40)).WithHint("use view, submit, worker or admin")
	}
	if name == "" || len(name) > farm.MaxName {
		return farm.Token{}, "", farm.Errorf(farm.Invalid, "a token's name is 1 to %d bytes long", farm.MaxName)
	}
	if m.auth.count() >= maxTokens {
		return farm.Token{}, "", farm.Errorf(farm.TooLarge, "the farm has %d tokens, and takes no more", maxTokens).
			WithHint("netrender token list shows which were not used for long; netrender token revoke ends one")
	}
	secret, err := m.random(32)
	if err != nil {
		return farm.Token{}, "", err
	}
	id, err := m.shortID()
	if err != nil {
		return farm.Token{}, "", err
	}
	secret = "nr_" + secret
	sum := farm.TokenHash(secret)
	t := farm.Token{ID: id, Name: name, Role: role, Hash: hex.EncodeToString(sum[:]), Created: m.opt.Now()}
	if _, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.change(farm.TokenSet{Token: t})
		e.entrust(worker, t.ID)
		also(e, &t)
		return struct{}{}, nil
	}); err != nil {
		return farm.Token{}, "", err
	}
	m.auth.mu.Lock()
	m.auth.enter(&holder{token: t, revoked: make(chan struct{})})
	m.auth.mu.Unlock()
	m.tellToken(who, &t, "made")
	return t, secret, nil
}

// shortID makes an id that people type: it does not look like a flag.
func (m *Master) shortID() (string, error) {
	for {
		id, err := m.random(6)
		if err != nil || id[0] != '-' {
			return id, err
		}
	}
}

func (m *Master) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(m.opt.Rand, b); err != nil {
		return "", farm.Errorf(farm.Internal, "no random numbers can be had: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// RevokeToken ends a token at once, also for what it has open.
func (m *Master) RevokeToken(ctx context.Context, who Identity, id string) error {
	m.auth.mu.Lock()
	h := m.auth.byID[id]
	if h != nil && h.token.Role == farm.RoleAdmin && m.auth.admins() == 1 {
		m.auth.mu.Unlock()
		return farm.Errorf(farm.Conflict, "this is the last token of an admin: without it nobody could steer the farm").
			WithHint("make another one first, with netrender token create NAME --role admin")
	}
	if h != nil {
		delete(m.auth.byID, id)
		delete(m.auth.byHash, h.hash)
		delete(m.auth.byMark, farm.TokenMark(h.hash))
		close(h.revoked)
	}
	logins := m.auth.endLocked(func(l *login) bool { return l.Token == id })
	m.auth.mu.Unlock()
	if h == nil {
		return farm.Errorf(farm.NotFound, "there is no token %s", clip(id, 40)).WithHint("netrender token list shows them")
	}
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		e.change(farm.TokenDelete{ID: id})
		for _, login := range logins {
			e.change(farm.LoginDelete{ID: login})
		}
		e.silence(id)
		e.audit(who, farm.DidRevokeToken, id, "%s (%s)", h.token.Name, h.token.Role)
		return struct{}{}, nil
	})
	if err == nil {
		m.tellToken(who, &h.token, "revoked")
	}
	return err
}

// tellToken has watchers hear what became of a token.
func (m *Master) tellToken(who Identity, t *farm.Token, what string) {
	m.hub.publish([]farm.Event{{
		Time: m.opt.Now(), Kind: farm.EventToken, State: what, Text: fmt.Sprintf("%s (%s, %s) by %s", t.ID, t.Name, t.Role, who.Name),
	}})
}

// saveUses writes now and then when tokens were last used.
func (a *auth) saveUses(e *engine) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.byID {
		if h.used.Sub(h.token.Used) >= time.Minute {
			h.token.Used = h.used
			e.change(farm.TokenSet{Token: h.token})
		}
	}
	a.saveVisits(e)
}
