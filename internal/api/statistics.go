package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// usualDays is how many days statistics are of when nothing is said, today with them.
const usualDays = 30

func (a *API) statisticsRoutes(d *describer) {
	d.plain(route{
		method: http.MethodGet, path: "/statistics", role: farm.RoleView, name: "statistics",
		about: "Tells what was rendered, by whom and for whom, also for jobs that are deleted; as JSON, or as a table with format=csv", out: farm.Statistics{},
		params: []param{
			inQuery("by", "string", "day, job, owner or worker, or some of them with commas; day when left out"),
			inQuery("from", "string", "the first day, UTC, as 2026-11-01; 30 days before the last when left out"),
			inQuery("to", "string", "the last day; today when left out"), inQuery("format", "string", "csv, or json"),
		},
	}, a.statistics)
	steer(d, route{
		method: http.MethodGet, path: "/workers/{id}/history", role: farm.RoleView, name: "workerHistory",
		about: "Tells what a worker's machine did lately, a value every step_ms, what it does now, and its last attempts; by id or name",
	},
		func(ctx context.Context, in *struct {
			PathID
			Hours  string `query:"hours" doc:"of load, 1 to 10; 8 when left out"`
			Limit  string `query:"limit" doc:"attempts of the page, 0 to 1000; 50 when left out"`
			Before string `query:"before" doc:"next of the page before"`
			Failed string `query:"failed" doc:"1: only attempts that failed or expired"`
		},
		) (*made[farm.WorkerHistory], error) {
			w := master.HistoryWish{Failed: in.Failed == "1" || in.Failed == "true"}
			var err error
			if w.Hours, err = wholeOf("hours", in.Hours, 8, 1, 10); err != nil {
				return nil, err
			}
			if w.Limit, err = wholeOf("limit", in.Limit, 50, 0, 1000); err != nil {
				return nil, err
			}
			if in.Before != "" {
				if w.Before, err = strconv.ParseInt(in.Before, 10, 64); err != nil || w.Before < 1 {
					return nil, farm.Errorf(farm.Invalid, "before is the next of another page, not %q", clip(in.Before))
				}
			}
			return answer(a.m.WorkerHistory(ctx, farm.WorkerID(in.ID), w))
		})
}

func (a *API) statFilter(r *http.Request) (f farm.StatFilter, err error) {
	q := r.URL.Query()
	f.Limit = master.MaxStatRows
	if f.By, err = farm.ParseStatKeys(q.Get("by")); err != nil {
		return f, err
	}
	f.To = farm.DayOf(a.opt.Now())
	if text := q.Get("to"); text != "" {
		if f.To, err = farm.ParseDay(text); err != nil {
			return f, err
		}
	}
	f.From = f.To - usualDays + 1
	if text := q.Get("from"); text != "" {
		if f.From, err = farm.ParseDay(text); err != nil {
			return f, err
		}
	}
	if f.From > f.To {
		return f, farm.Errorf(farm.Invalid, "%s is after %s", farm.DayText(f.From), farm.DayText(f.To)).WithHint("from is the first day, to the last")
	}
	return f, nil
}

func (a *API) statistics(w http.ResponseWriter, r *http.Request, _ master.Identity) error {
	f, err := a.statFilter(r)
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	if format != "" && format != "json" && format != "csv" {
		return farm.Errorf(farm.Invalid, "%q is no format of statistics", clip(format)).WithHint("use csv or json")
	}
	s, err := a.m.Statistics(r.Context(), f)
	if err != nil {
		return err
	}
	if format == "csv" {
		lines, err := s.Sheet()
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="netrender-%s-%s.csv"`, s.From, s.To))
		return writeCSV(w, lines)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(&s)
}

// writeCSV writes statistics as a table (RFC 4180) with a head.
func writeCSV(w http.ResponseWriter, lines [][]string) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out.WriteAll(lines)
}
