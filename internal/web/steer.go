package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// steerJob does what a button or form of a job's page asks for.
func (p *Pages) steerJob(w http.ResponseWriter, r *http.Request, who master.Identity) error {
	id, err := farm.ParseJobID(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := readForm(w, r); err != nil {
		return err
	}
	steer, known := map[string]func(context.Context, master.Identity, farm.JobID) (farm.Job, error){
		"pause": p.m.Pause, "resume": p.m.Resume, "cancel": p.m.Cancel,
		"retry": func(ctx context.Context, who master.Identity, id farm.JobID) (farm.Job, error) {
			return p.retry(ctx, who, id, r.PostForm.Get("frames"))
		},
		"change": func(ctx context.Context, who master.Identity, id farm.JobID) (farm.Job, error) {
			priority, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get("priority")))
			if err != nil {
				return farm.Job{}, farm.Errorf(farm.Invalid, "a priority is a whole number from 1 to %d", farm.MaxPriority)
			}
			return p.m.Change(ctx, who, id, func(s *farm.JobSpec) { s.Priority = priority })
		},
	}[r.PathValue("verb")]
	if !known {
		return p.notFound(w, r, who)
	}
	if _, err := steer(r.Context(), who, id); err != nil {
		return err
	}
	return leadTo(w, r, "/jobs/"+id.String())
}

// retry renders frames again: those that are named, all of them, or those that failed.
func (p *Pages) retry(ctx context.Context, who master.Identity, id farm.JobID, text string) (farm.Job, error) {
	which := master.RetryWhich{}
	switch text = strings.TrimSpace(text); text {
	case "":
		which.Failed = true
	case "all":
		which.All = true
	default:
		set, err := farm.ParseFrameSet(text)
		if err != nil {
			return farm.Job{}, err
		}
		which.Frames = set
	}
	return p.m.Retry(ctx, who, id, which)
}

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
