package farm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// A token is shown only to a master that proved first that it knows it. Both sides derive from the token's hash, which
// is what a master keeps:
//
//	mark   names the token to its master, and tells others nothing
//	proof  a code over a fresh nonce of the client's and over where the master is, which only who knows the hash can make
//
// Where the master is are the words of the one who proves: of the line that the question came by. The client compares
// them with what it sees of its line, so that a proof that was fetched from the true master by another line is worth
// nothing.

// TokenHash is what is kept of a token.
func TokenHash(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// TokenMark is the token's mark, 32 hex digits.
func TokenMark(hash [sha256.Size]byte) string {
	return derive(hash, "netrender mark")[:32]
}

// Proof is the proof for the nonce and the place, 64 hex digits.
func Proof(hash [sha256.Size]byte, nonce, where string) string {
	return derive(hash, "netrender proof", nonce, where)
}

// SameProof compares in constant time.
func SameProof(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// derive is an HMAC over the parts; none may hold a line break, so that they cannot run into one another.
func derive(hash [sha256.Size]byte, parts ...string) string {
	m := hmac.New(sha256.New, hash[:])
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{'\n'})
	}
	return hex.EncodeToString(m.Sum(nil))
}
