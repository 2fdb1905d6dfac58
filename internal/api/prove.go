package api

import (
	"encoding/hex"
	"net"
	"net/http"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

func (a *API) proveRoute(d *describer) {
	d.plain(route{
		method: http.MethodPost, path: "/prove", role: nobody, name: "prove",
		about: "Proves to the holder of a token that it is known here, before it is shown", in: wire.ProveRequest{}, out: wire.ProveReply{},
	}, a.prove)
}

func (a *API) prove(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	var in wire.ProveRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if _, err := hex.DecodeString(in.Nonce); err != nil || len(in.Nonce) < 16 || len(in.Nonce) > 128 {
		return farm.Errorf(farm.Invalid, "a nonce is 16 to 128 hex digits")
	}
	where := a.where(r)
	proof, err := a.m.Prove(in.Mark, in.Nonce, where)
	if err != nil {
		return a.wrongly(who.Address, denied{err})
	}
	return writeJSON(w, http.StatusOK, &wire.ProveReply{Where: where, Proof: proof})
}

// where is the line that a question came by, as this side sees it.
func (a *API) where(r *http.Request) string {
	if r.TLS != nil && a.opt.Pin != nil {
		return wire.OverTLS(a.opt.Pin())
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return wire.OverHTTP(local)
}
