// Package beacon finds programs on a local network. It carries bytes and does not know what they mean.
//
// Nouns: an Announcer says that it is there and answers probes; Find sends probes and listens; a Found is one answer;
// the payload is the caller's bytes inside it; an ID names one running Announcer; a link is one IPv4 address of an
// interface.
//
// Nothing here is authenticated: whoever is on the network can announce anything. The caller checks what it found by
// other means.
package beacon

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// ID names one running Announcer, so that one that is heard on several ways counts once. It is random.
type ID [16]byte

// NewID makes one.
func NewID() (id ID) {
	rand.Read(id[:])
	return id
}

// String is 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MaxPayload is the most bytes a payload may have: the packet then fits every Ethernet frame.
const MaxPayload = 1024

const (
	maxService = 63 // bytes
	headSize   = 24
	maxPacket  = headSize + maxService + MaxPayload
	magic      = "bcn1"
)

// Kinds of packet. An announcement is an answer that nobody asked for.
const (
	kindProbe  = 1
	kindAnswer = 2
)

// packet is what travels:
//
//	0   4  "bcn1"
//	4   1  kind
//	5   1  length s of the service name, 1 to 63
//	6   2  answer: lifetime in seconds, big endian, 1 to 65,535; probe: number of the round
//	8   16 ID of the sender
//	24  s  service name
//	24+s   answer: payload, at most 1,024 bytes; probe: nothing
type packet struct {
	kind    byte
	number  uint16
	id      ID
	service string
	payload []byte
}

func (p packet) encode() []byte {
	b := make([]byte, headSize, headSize+len(p.service)+len(p.payload))
	copy(b, magic)
	b[4], b[5] = p.kind, byte(len(p.service))
	binary.BigEndian.PutUint16(b[6:], p.number)
	copy(b[8:], p.id[:])
	return append(append(b, p.service...), p.payload...)
}

// decode refuses what is not a packet. The payload shares b.
func decode(b []byte) (p packet, ok bool) {
	if len(b) < headSize || len(b) > maxPacket || string(b[:4]) != magic {
		return p, false
	}
	s := int(b[5])
	if s == 0 || s > maxService || len(b) < headSize+s {
		return p, false
	}
	p = packet{b[4], binary.BigEndian.Uint16(b[6:]), ID(b[8:headSize]), string(b[headSize : headSize+s]), b[headSize+s:]}
	switch p.kind {
	case kindProbe:
		return p, len(p.payload) == 0
	case kindAnswer:
		return p, p.number > 0 && len(p.payload) <= MaxPayload
	}
	return p, false
}

// lifetime of an announcement that is repeated every interval: two may get lost.
func lifetime(interval time.Duration) uint16 {
	return uint16(min(max((3*interval+time.Second-1)/time.Second, 1), 1<<16-1))
}

var (
	errPort    = errors.New("a beacon needs a UDP port")
	errService = errors.New("a service name has 1 to 63 bytes")
	errPayload = errors.New("a beacon payload has at most 1,024 bytes")
)
