package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/netrender/netrender/internal/blob"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
	"github.com/netrender/netrender/internal/wire"
)

type jobQuery struct {
	State string `query:"state" doc:"states, separated by commas"`
	Owner string `query:"owner"`
	Text  string `query:"q" doc:"part of the name"`
	Scene string `query:"scene" doc:"SHA-256 of the .blend: only jobs of this very scene"`

	Inspect string `query:"inspect" doc:"true: inspections, which are not among the jobs otherwise"`
	Before  string `query:"before" doc:"only jobs with a smaller number"`
	Sort    string `query:"sort" doc:"id, created, started, ended, name, state, owner, priority, progress, frames, failed or machine; id when not given"`
	Order   string `query:"order" doc:"asc or desc; when not given, name, state and owner rise and all else falls"`
	After   string `query:"after" doc:"where the page before ended: its after"`
	Limit   string `query:"limit" doc:"1 to 1000; 100 when not given"`
}

func (q *jobQuery) filter() (f farm.JobFilter, err error) {
	f = farm.JobFilter{Owner: q.Owner, Text: q.Text}
	if q.State != "" {
		for _, s := range strings.Split(q.State, ",") {
			if !slices.Contains(farm.JobStates(), farm.JobState(s)) {
				return f, farm.Errorf(farm.Invalid, "%q is not a state of a job", clip(s)).
					WithHint("states are collecting, queued, active, paused, done, failed and canceled")
			}
			f.States = append(f.States, farm.JobState(s))
		}
	}
	if q.Scene != "" {
		ref, err := blob.ParseRef(q.Scene)
		if err != nil {
			return f, farm.Errorf(farm.Invalid, "%q is not the SHA-256 of a scene", clip(q.Scene)).WithHint("it has 64 digits, 0-9 and a-f")
		}
		f.Scene = ref.String()
	}
	switch q.Inspect {
	case "", "false", "0":
	case "true", "1":
		f.Inspect = true
	default:
		return f, farm.Errorf(farm.Invalid, "inspect is true or false, not %q", clip(q.Inspect))
	}
	if q.Before != "" {
		if f.Before, err = farm.ParseJobID(q.Before); err != nil {
			return f, err
		}
	}
	if err = q.order(&f); err != nil {
		return f, err
	}
	f.Limit, err = limitOf(q.Limit, 100)
	return f, err
}

// order is what the list is sorted by, and where it begins.
func (q *jobQuery) order(f *farm.JobFilter) (err error) {
	if f.Sort = farm.JobSort(q.Sort); q.Sort == "" {
		f.Sort = farm.ByID
	}
	if !slices.Contains(farm.JobSorts(), f.Sort) {
		names := make([]string, len(farm.JobSorts()))
		for i, s := range farm.JobSorts() {
			names[i] = string(s)
		}
		return farm.Errorf(farm.Invalid, "jobs are not sorted by %q", clip(q.Sort)).WithHint("sort by one of %s", strings.Join(names, ", "))
	}
	switch q.Order {
	case "":
		f.Rising = f.Sort.Rises()
	case "asc", "desc":
		f.Rising = q.Order == "asc"
	default:
		return farm.Errorf(farm.Invalid, "%q is not an order", clip(q.Order)).WithHint("use asc or desc")
	}
	if q.After != "" {
		f.Behind, err = farm.ParseJobCursor(q.After, f.Sort, f.Rising)
	}
	return err
}

func (a *API) jobRoutes(d *describer) {
	steer(d, route{method: http.MethodGet, path: "/jobs", role: farm.RoleView, name: "listJobs", about: "Lists jobs, newest first when no other order is asked for"},
		func(ctx context.Context, in *jobQuery) (*made[wire.JobList], error) {
			f, err := in.filter()
			if err != nil {
				return nil, err
			}
			page, err := a.m.JobPage(ctx, f)
			list := wire.JobList{Jobs: full(page.Jobs), Total: page.Total, After: page.After.String()}
			if page.After != nil && f.Sort == farm.ByID && !f.Rising {
				list.Next = page.After.ID
			}
			return answer(list, err)
		})
	steer(d, route{method: http.MethodGet, path: "/jobs/{id}", role: farm.RoleView, name: "getJob", about: "Shows a job"},
		func(ctx context.Context, in *PathID) (*made[farm.Job], error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			return answer(a.m.Job(ctx, id))
		})
	steer(d, route{method: http.MethodPatch, path: "/jobs/{id}", role: farm.RoleSubmit, name: "changeJob", about: "Changes settings of a job"},
		func(ctx context.Context, in *struct {
			PathID
			Body wire.JobChange
		},
		) (*made[farm.Job], error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			return answer(a.m.Change(ctx, whoOf(ctx), id, func(s *farm.JobSpec) { changeJob(s, &in.Body) }))
		})
	steer(d, route{
		method: http.MethodDelete, path: "/jobs/{id}", role: farm.RoleSubmit, name: "deleteJob",
		about: "Forgets a job with its results and logs", status: http.StatusNoContent,
	},
		func(ctx context.Context, in *PathID) (*none, error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			return nil, a.m.Delete(ctx, whoOf(ctx), id)
		})
	for verb, call := range map[string]struct {
		about string
		f     func(context.Context, master.Identity, farm.JobID) (farm.Job, error)
	}{
		"cancel": {"Stops a job on all workers", a.m.Cancel},
		"pause":  {"Holds a job; frames being rendered are finished", a.m.Pause},
		"resume": {"Lets a held job go on", a.m.Resume},
	} {
		steer(d, route{method: http.MethodPost, path: "/jobs/{id}/" + verb, role: farm.RoleSubmit, name: verb + "Job", about: call.about},
			func(ctx context.Context, in *PathID) (*made[farm.Job], error) {
				id, err := in.job()
				if err != nil {
					return nil, err
				}
				return answer(call.f(ctx, whoOf(ctx), id))
			})
	}
	steer(d, route{method: http.MethodPost, path: "/jobs/{id}/retry", role: farm.RoleSubmit, name: "retryJob", about: "Renders frames again"},
		func(ctx context.Context, in *struct {
			PathID
			Body wire.RetryRequest
		},
		) (*made[farm.Job], error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			which := master.RetryWhich{Failed: in.Body.Failed, All: in.Body.All, Frames: in.Body.Frames}
			if n := one(which.Failed) + one(which.All) + one(which.Frames.Count() > 0); n != 1 {
				return nil, farm.Errorf(farm.Invalid, "say either failed, all or frames")
			}
			return answer(a.m.Retry(ctx, whoOf(ctx), id, which))
		})
	a.jobParts(d)
}

// jobParts are the views of one job.
func (a *API) jobParts(d *describer) {
	type fileQuery struct {
		PathID
		Page
	}
	files := func(list func(context.Context, farm.JobID, string, int) ([]farm.File, error)) func(context.Context, *fileQuery) (*made[wire.FileList], error) {
		return func(ctx context.Context, in *fileQuery) (*made[wire.FileList], error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			if err := a.m.MaySee(ctx, whoOf(ctx), id); err != nil {
				return nil, err
			}
			limit, err := limitOf(in.Limit, wire.MaxPage)
			if err != nil {
				return nil, err
			}
			files, err := list(ctx, id, in.After, limit)
			out := wire.FileList{Files: full(files)}
			if len(files) == limit {
				out.Next = files[limit-1].Path
			}
			return answer(out, err)
		}
	}
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/files", role: farm.RoleView, also: farm.RoleWorker, name: "listFiles",
		about: "Lists a job's manifest by path; to a worker's token, of jobs that are leased to it",
	}, files(a.m.Files))
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/missing", role: farm.RoleView, name: "listMissing",
		about: "Lists the files of a job whose bytes are not there",
	}, files(a.m.Missing))
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/frames", role: farm.RoleView, name: "getFrames",
		about: "Sorts a job's frames by what became of them",
	}, ofJob(a.m.Frames))
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/running", role: farm.RoleView, name: "listRunning",
		about: "Lists a job's leases",
	},
		func(ctx context.Context, in *struct {
			PathID
			Page
		},
		) (*made[wire.RunningList], error) {
			id, limit, err := jobPage(&in.PathID, &in.Page)
			if err != nil {
				return nil, err
			}
			after := int64(0)
			if in.After != "" {
				if after, err = strconv.ParseInt(in.After, 10, 64); err != nil {
					return nil, farm.Errorf(farm.Invalid, "%q is not the number of a lease", clip(in.After))
				}
			}
			list, err := a.m.RunningAfter(ctx, id, farm.LeaseID(after), limit+1)
			out := wire.RunningList{Running: full(list)}
			if len(list) > limit {
				out.Running, out.Next = list[:limit], list[limit-1].ID
			}
			return answer(out, err)
		})
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/inspection", role: farm.RoleSubmit, name: "getInspection",
		about: "Reads what a worker's Blender found in a scene, of one's own job that was submitted with inspect; 404 until it is there",
	},
		func(ctx context.Context, in *PathID) (*made[*farm.Inspection], error) {
			id, err := in.job()
			if err != nil {
				return nil, err
			}
			return answer(a.m.Inspection(ctx, whoOf(ctx), id))
		})
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/warnings", role: farm.RoleView, name: "listWarnings",
		about: "Lists what may be wrong with a job's pictures, each sentence once",
	}, ofJob(a.m.Warnings))
	steer(d, route{
		method: http.MethodGet, path: "/jobs/{id}/why", role: farm.RoleView, name: "whyJob",
		about: "Explains why a job does or does not get workers",
	},
		func(ctx context.Context, in *struct {
			PathID
			Page
		},
		) (*made[wire.ReasonList], error) {
			id, limit, err := jobPage(&in.PathID, &in.Page)
			if err != nil {
				return nil, err
			}
			list, err := a.m.WhyAfter(ctx, id, in.After, limit+1)
			out := wire.ReasonList{Reasons: full(list)}
			if len(list) > limit {
				out.Reasons, out.Next = list[:limit], list[limit-1].Worker
			}
			return answer(out, err)
		})
}

// jobPage is a page of what a job has.
func jobPage(in *PathID, page *Page) (id farm.JobID, limit int, err error) {
	if id, err = in.job(); err == nil {
		limit, err = limitOf(page.Limit, wire.MaxPage)
	}
	return id, limit, err
}

// ofJob is a view of a job that needs its number only.
func ofJob[T any](f func(context.Context, farm.JobID) (T, error)) func(context.Context, *PathID) (*made[T], error) {
	return func(ctx context.Context, in *PathID) (*made[T], error) {
		id, err := in.job()
		if err != nil {
			return nil, err
		}
		return answer(f(ctx, id))
	}
}

// changeJob applies what a JobChange names. Slices are not shared with the job's.
func changeJob(s *farm.JobSpec, c *wire.JobChange) {
	put(&s.Name, c.Name)
	put(&s.Priority, c.Priority)
	put(&s.Attempts, c.Attempts)
	put(&s.Timeout, c.Timeout)
	put(&s.Needs.Allow, c.Allow)
	put(&s.Needs.Deny, c.Deny)
	put(&s.Needs.Tags, c.Tags)
	put(&s.Keep, c.Keep)
}

func put[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// full makes an empty list `[]` in JSON, not null.
func full[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
