package master

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netrender/netrender/internal/farm"
)

// Browsers are let in by a link that works once. Links are kept in memory only: after a restart one asks for another.
// Logins are kept in the store, as tokens are.
const (
	linkLives  = 10 * time.Minute
	loginLives = 30 * 24 * time.Hour // without a visit
	loginSaved = time.Hour           // how exactly the last visit is kept
	maxLinks   = 10                  // of a token; the oldest goes
	maxLogins  = 50                  // of a token; the one that was used longest ago goes
	maxWrong   = 10                  // wrong links from an address, until
	wrongLives = 10 * time.Minute    // so much has passed since the first
	maxAddress = 10_000              // addresses whose wrong links are counted
)

// link is a login link that was not used yet.
type link struct {
	token   string // id
	expires time.Time
}

// login is a farm.Login with what it has open.
type login struct {
	farm.Login
	used  time.Time     // newer than Login.Used: to be kept now and then
	ended chan struct{} // closed when it ends
}

// wrongs are the wrong links that came from an address.
type wrongs struct {
	count int
	since time.Time
}

// LoginView is a login as admins see it.
type LoginView struct {
	farm.Login
	Name string // of its token
	Role farm.Role
}

// AskLogin makes the secret of a login link for whoever asks. It lets one browser in, once, within ten minutes.
func (m *Master) AskLogin(_ context.Context, who Identity) (secret string, expires time.Time, err error) {
	if who.Role == farm.RoleWorker {
		return "", time.Time{}, farm.Errorf(farm.Denied, "a worker's token opens no pages").WithHint("it takes the role view, submit or admin")
	}
	if secret, err = m.random(24); err != nil {
		return "", time.Time{}, err
	}
	now := m.opt.Now()
	a := &m.auth
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID[who.Token] == nil {
		return "", time.Time{}, farm.Errorf(farm.Conflict, "on an open farm there is nothing to log in to").WithHint("open the master's address in a browser")
	}
	var oldest [32]byte
	n := 0
	for hash, l := range a.links {
		switch {
		case !now.Before(l.expires):
			delete(a.links, hash)
		case l.token == who.Token:
			if n++; n == 1 || l.expires.Before(a.links[oldest].expires) {
				oldest = hash
			}
		}
	}
	if n >= maxLinks {
		delete(a.links, oldest)
	}
	expires = now.Add(linkLives)
	a.links[sha256.Sum256([]byte(secret))] = link{who.Token, expires}
	return secret, expires, nil
}

// LogIn uses a link up and returns the text of the cookie for the browser that came by it. Wrong links are counted by
// address.
func (m *Master) LogIn(ctx context.Context, secret, address, browser string) (cookie string, err error) {
	if cookie, err = m.random(32); err != nil {
		return "", err
	}
	id, err := m.shortID()
	if err != nil {
		return "", err
	}
	now := m.opt.Now()
	sum := sha256.Sum256([]byte(cookie))
	l := &login{used: now, ended: make(chan struct{}), Login: farm.Login{
		ID: id, Hash: hex.EncodeToString(sum[:]), Address: address, Browser: clip(browser, farm.MaxName), Created: now, Used: now,
	}}
	if l.Token, err = m.auth.useLink(secret, address, now); err != nil {
		return "", err
	}
	dropped := m.auth.enterLogin(sum, l)
	_, err = keep(ctx, m, func(e *engine) (struct{}, error) {
		if !m.auth.knows(sum) { // its token was revoked meanwhile
			return struct{}{}, errLoginOver
		}
		for _, id := range dropped {
			e.change(farm.LoginDelete{ID: id})
		}
		e.change(farm.LoginSet{Login: l.Login})
		e.audit(m.auth.holds(l.Token, address), farm.DidLogIn, l.ID, "%s", l.Browser)
		return struct{}{}, nil
	})
	if err != nil {
		m.auth.endLogins(func(o *login) bool { return o == l })
		return "", err
	}
	return cookie, nil
}

// holds is who the holder of the token is.
func (a *auth) holds(token, address string) Identity {
	a.mu.RLock()
	defer a.mu.RUnlock()
	who := Identity{Token: token, Address: address}
	if h := a.byID[token]; h != nil {
		who.Name, who.Role = h.token.Name, h.token.Role
	}
	return who
}

var (
	errLoginOver = farm.Errorf(farm.Denied, "this browser is not logged in, or no more").WithHint("netrender login, on the master's machine, prints a link that logs it in")
	errLinkOver  = farm.Errorf(farm.Denied, "this login link was used already, has expired, or never was one").WithHint("netrender login prints another one")
)

func (a *auth) useLink(secret, address string, now time.Time) (token string, err error) {
	key := sha256.Sum256([]byte(secret))
	from := Network(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.wrong[from]
	if now.Sub(w.since) >= wrongLives {
		w = wrongs{since: now}
	}
	if w.count >= maxWrong {
		return "", farm.Errorf(farm.Throttled, "too many wrong login links came from %s", address).WithHint("wait ten minutes")
	}
	l, ok := a.links[key]
	if ok && now.Before(l.expires) && a.byID[l.token] != nil {
		delete(a.links, key)
		return l.token, nil
	}
	w.count++
	if len(a.wrong) >= maxAddress { // links cannot be guessed anyway
		clear(a.wrong)
	}
	a.wrong[from] = w
	return "", errLinkOver
}

// Network is the address, or of IPv6 the part that one household has.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if ip = ip.Unmap(); err != nil || ip.Is4() || ip.IsLoopback() {
		return address
	}
	p, _ := ip.Prefix(64)
	return p.String()
}

// enterLogin makes the login known, and returns the ids of those of the same token that had to go for it.
func (a *auth) enterLogin(sum [32]byte, l *login) (dropped []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var same []*login
	for _, o := range a.logins {
		if o.Token == l.Token {
			same = append(same, o)
		}
	}
	slices.SortFunc(same, func(x, y *login) int { return x.used.Compare(y.used) })
	for _, o := range same[:max(0, len(same)+1-maxLogins)] {
		dropped = append(dropped, o.ID)
		a.endLocked(func(other *login) bool { return other == o })
	}
	a.logins[sum] = l
	return dropped
}

func (a *auth) knows(sum [32]byte) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.logins[sum] != nil
}

// endLogins ends those that are meant, also what they have open, and returns their ids.
func (a *auth) endLogins(meant func(*login) bool) (ids []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.endLocked(meant)
}

func (a *auth) endLocked(meant func(*login) bool) (ids []string) {
	for sum, l := range a.logins {
		if meant(l) {
			delete(a.logins, sum)
			close(l.ended)
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// LoggedIn finds whose browser shows the cookie.
func (m *Master) LoggedIn(cookie, address string) (Identity, error) {
	sum := sha256.Sum256([]byte(cookie))
	now := m.opt.Now()
	a := &m.auth
	a.mu.RLock()
	var h *holder
	l := a.logins[sum]
	if l != nil && now.Sub(l.used) < loginLives {
		h = a.byID[l.Token]
	}
	stale := h != nil && now.Sub(l.used) > time.Minute
	a.mu.RUnlock()
	if h == nil {
		return Identity{}, errLoginOver
	}
	if stale {
		a.mu.Lock()
		l.used = now
		a.mu.Unlock()
	}
	return Identity{Token: h.token.ID, Login: l.ID, Name: h.token.Name, Role: h.token.Role, Address: address}, nil
}

// Logins lists the browsers that are logged in, the newest visit first.
func (m *Master) Logins(context.Context) ([]LoginView, error) {
	a := &m.auth
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := make([]LoginView, 0, len(a.logins))
	for _, l := range a.logins {
		h := a.byID[l.Token]
		if h == nil || m.opt.Now().Sub(l.used) >= loginLives {
			continue
		}
		v := LoginView{Login: l.Login, Name: h.token.Name, Role: h.token.Role}
		v.Used, v.Hash = l.used, ""
		list = append(list, v)
	}
	slices.SortFunc(list, func(x, y LoginView) int {
		if c := y.Used.Compare(x.Used); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return list, nil
}

// EndLogin logs a browser out at once, also what it has open. Admins may end every login, others their own.
func (m *Master) EndLogin(ctx context.Context, who Identity, id string) error {
	ids := m.auth.endLogins(func(l *login) bool { return l.ID == id && (who.Role == farm.RoleAdmin || who.Login == id) })
	if len(ids) == 0 {
		return farm.Errorf(farm.NotFound, "there is no login %s", clip(id, 40)).WithHint("netrender login list shows them")
	}
	_, err := keep(ctx, m, func(e *engine) (struct{}, error) {
		for _, id := range ids {
			e.change(farm.LoginDelete{ID: id})
			e.audit(who, farm.DidLogOut, id, "%s", "")
		}
		return struct{}{}, nil
	})
	return err
}

// loadLogins takes over what is kept. What logins that were known have open stays open.
func (a *auth) loadLogins(kept []farm.Login) {
	old := a.logins
	a.logins = make(map[[32]byte]*login, len(kept))
	for _, k := range kept {
		raw, err := hex.DecodeString(k.Hash)
		if err != nil || len(raw) != 32 || a.byID[k.Token] == nil {
			continue
		}
		l := &login{Login: k, used: k.Used, ended: make(chan struct{})}
		if o := old[[32]byte(raw)]; o != nil {
			l.used, l.ended = o.used, o.ended
		}
		a.logins[[32]byte(raw)] = l
	}
	for sum, o := range old {
		if a.logins[sum] == nil {
			close(o.ended)
		}
	}
}

// saveVisits writes now and then when logins were last used, and forgets those that nobody came back to.
func (a *auth) saveVisits(e *engine) {
	now := e.m.opt.Now()
	for _, l := range a.logins {
		if l.used.Sub(l.Login.Used) >= loginSaved {
			l.Login.Used = l.used
			e.change(farm.LoginSet{Login: l.Login})
		}
	}
	for _, id := range a.endLocked(func(l *login) bool { return now.Sub(l.used) >= loginLives }) {
		e.change(farm.LoginDelete{ID: id})
	}
}
