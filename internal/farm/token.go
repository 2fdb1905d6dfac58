package farm

import "time"

// Role is what a token may do. Submit includes view, admin includes all; worker includes nothing else: it sees what is
// leased to it and no more.
type Role string

// The roles.
const (
	RoleView   Role = "view"   // sees
	RoleSubmit Role = "submit" // submits and steers its own jobs
	RoleWorker Role = "worker" // claims and reports, for the workers that were registered with the token
	RoleAdmin  Role = "admin"  // everything
)

// Roles lists all roles.
func Roles() []Role { return []Role{RoleView, RoleSubmit, RoleWorker, RoleAdmin} }

// Includes tells whether a holder of r may do what needs the role needed.
func (r Role) Includes(needed Role) bool {
	switch {
	case r == needed || r == RoleAdmin:
		return true
	case needed == RoleView:
		return r == RoleSubmit
	}
	return false
}

// Token is what is kept of a token: never the token itself.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Hash    string    `json:"-"` // hex SHA-256 of the token's text
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
}

// Login is what is kept of a browser that was let in by a login link: never its cookie. It stands on the token that
// the link was asked for with: it may what the token may, and ends with it.
type Login struct {
	ID      string    `json:"id"`
	Token   string    `json:"token"`   // id of the token
	Hash    string    `json:"-"`       // hex SHA-256 of the cookie
	Address string    `json:"address"` // where it logged in from
	Browser string    `json:"browser"` // as it calls itself
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
}
