package web

import (
	"net/http"

	"github.com/netrender/netrender/internal/master"
)

// answerPairing lets a newcomer in or refuses it, and leads back to the plain page.
func (p *Pages) answerPairing(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	verb := r.PathValue("verb")
	if verb != "accept" && verb != "refuse" {
		return p.notFound(w, r, who)
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	code := r.PathValue("code") + r.PostForm.Get("letters") // those behind the code, where the newcomer shows some
	if _, err := p.m.AnswerPairing(r.Context(), who, code, verb == "accept"); err != nil {
		return err
	}
	return leadTo(w, r, "/plain")
}
