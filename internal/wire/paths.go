package wire

import (
	"net/url"
	"strings"

	"github.com/netrender/netrender/internal/farm"
)

// The calls of the protocol, as method and pattern of http.ServeMux below Root. The role is the least that may call;
// where there are two, either may.
//
//	GET    /info                          (anybody)  Info
//	POST   /prove                         (anybody)  ProveRequest -> ProveReply; before a token is shown
//	GET    /whoami                        view,worker Whoami
//	POST   /jobs                          submit     SubmitRequest -> SubmitReply
//	GET    /jobs                          view       ?state=&owner=&q=&scene=&inspect=&before=&sort=&order=&after=&limit= -> JobList
//	POST   /jobs/actions                  submit     ActionRequest -> ActionReply
//	GET    /jobs/{id}                     view       farm.Job
//	PATCH  /jobs/{id}                     submit     JobChange -> farm.Job
//	DELETE /jobs/{id}                     submit
//	POST   /jobs/{id}/cancel              submit     farm.Job
//	POST   /jobs/{id}/pause               submit     farm.Job
//	POST   /jobs/{id}/resume              submit     farm.Job
//	POST   /jobs/{id}/retry               submit     RetryRequest -> farm.Job
//	GET    /jobs/{id}/files               view,worker ?after=&limit= -> FileList; a worker's token: of jobs leased to it
//	GET    /jobs/{id}/missing             view       ?after=&limit= -> FileList of files whose bytes are not there
//	GET    /jobs/{id}/frames              view       farm.FrameStates
//	GET    /jobs/{id}/grid                view       ?after=&limit= -> farm.Grid
//	GET    /jobs/{id}/frames/{frame}/layers view     ?file= -> LayerList
//	GET    /jobs/{id}/frames/{frame}/layer view      ?name=&width=&pack=0&file= -> bytes: halves, red, green, blue and alpha
//	GET    /jobs/{id}/frames/{frame}/preview view    bytes: a JPEG; Preview-Parts while parts of the frame come in
//	GET    /jobs/{id}/running             view       ?after=&limit= -> RunningList
//	GET    /jobs/{id}/inspection          submit     farm.Inspection, of one's own job that has spec.inspect; 404 until it is there
//	GET    /jobs/{id}/warnings            view       []farm.Warning
//	GET    /jobs/{id}/attempts            view       ?after=&frames=&accepted=1|failed=1&limit=&wait_ms= -> AttemptList
//	GET    /jobs/{id}/film                view       bytes, ranges, ETag: the film made of the frames
//	GET    /jobs/{id}/results/{name...}   view       bytes, ranges, ETag
//	GET    /jobs/{id}/film/preview        view       bytes: an AVI of the previews that are there
//	GET    /jobs/{id}/results.zip         view       ?frames=&kinds=&allow_missing=1 -> bytes: a zip
//	POST   /jobs/{id}/suspect             view       ?frame=&name= -> farm.Suspicion: a result that is not what it should be
//	GET    /jobs/{id}/log                 view       ?frame=&lease=&offset=&wait_ms= -> text; Upload-Offset: end, Netrender-More
//	GET    /jobs/{id}/archive             view       ?files=0&results=0&logs=0&allow_missing=1 -> bytes: a tar packed by zstd
//	POST   /import                        submit     ?key=&start=1&bytes=, such bytes -> ImportReply
//	GET    /jobs/{id}/why                 view       ?after=&limit= -> ReasonList
//	HEAD   /blobs/{ref}                   submit     200 there; 404 with Upload-Offset: bytes there so far
//	PUT    /blobs/{ref}                   submit     Upload-Offset, Upload-Size, maybe Content-Encoding: zstd, netrender-chunks
//	POST   /blobs/chunks                  submit     SHA-256 of chunks, in a row -> a bit of each: it may be copied
//	GET    /blobs/{ref}/recipe            worker     blob.Recipe, of jobs leased to it
//	GET    /blobs/{ref}                   worker     bytes, ranges; zstd when asked for and worth it; of jobs leased to it
//	POST   /blobs/{ref}/sources           worker     farm.SourceQuestion -> farm.Source; of jobs leased to it
//	POST   /workers                       worker     farm.Registration -> farm.Registered
//	GET    /workers                       view       ?after=&limit= -> WorkerList
//	POST   /workers/fit                   view       FitRequest -> farm.Fit
//	POST   /workers/split                 view       SplitRequest -> SplitReply
//	GET    /workers/{id}                  view       -> WorkerView; by id or name
//	PATCH  /workers/{id}                  admin      WorkerChange -> WorkerView; by id or name
//	DELETE /workers/{id}                  admin      by id or name
//	GET    /workers/{id}/history          view       ?hours=&limit=&before=&failed=1 -> farm.WorkerHistory; by id or name
//	POST   /workers/{id}/heartbeat        worker     farm.Heartbeat -> farm.Orders
//	POST   /claim                         worker     farm.Wish -> farm.Grant, or 204
//	POST   /report                        worker     ReportRequest -> ReportReply
//	HEAD   /leases/{id}/results           worker     as PUT; 200 there; 404 with Upload-Offset: bytes there so far
//	PUT    /leases/{id}/results           worker     ?frame=&kind=&name=, Upload-Offset, Upload-Size, Content-Ref, Netrender-Worker
//	POST   /leases/{id}/caches            worker     CacheRequest -> CacheReply: files of a bake that goes on
//	GET    /leases/{id}/parts             worker     PartList: what the lease's task is made of
//	GET    /leases/{id}/parts/{task}      worker     bytes, ranges
//	POST   /leases/{id}/parts/{task}/suspect worker  farm.Suspicion: a part that is not what it should be
//	POST   /leases/{id}/log               worker     ?frame=&offset=, Netrender-Worker; text
//	GET    /events                        view       ?job=&kinds= server-sent events, data: farm.Event
//	GET    /share                         view       ?minutes= -> farm.Sharing
//	GET    /glance                        view       -> farm.Glance
//	GET    /attention                     view       farm.AttentionList; pairings only for admins
//	GET    /balance                       view       farm.Balance
//	GET    /about                         view       farm.About; paths only for admins
//	GET    /statistics                    view       ?by=&from=&to=&format=csv -> farm.Statistics, or a table
//	GET    /rules                         view       farm.Rules
//	PUT    /rules                         admin      farm.Rules
//	POST   /rules/preview                 view       farm.Rules -> farm.RulesPreview
//	GET    /cleaning                      view       farm.Cleaning
//	PUT    /cleaning                      admin      farm.Cleaning
//	POST   /cleaning/preview              admin      farm.Cleaning -> lines of StreamLine[farm.Cleaned]
//	POST   /cleaning/run                  admin      ?dry=1 -> lines of StreamLine[farm.Cleaned]
//	POST   /verify                        admin      ?repair=1&rate= -> lines of StreamLine[farm.VerifyStep]
//	GET    /backup                        admin      ?files=1 -> bytes: a tar
//	GET    /tokens                        admin      ?after=&limit= -> TokenList
//	POST   /tokens                        admin      TokenRequest -> NewToken
//	DELETE /tokens/{id}                   admin
//	GET    /audit                         admin      ?who=&before=&after=&limit=&wait_ms= -> AuditList
//	GET    /notifications                 admin      TargetList
//	POST   /notifications                 admin      TargetRequest -> TargetReply
//	PATCH  /notifications/{id}            admin      TargetRequest -> TargetReply
//	DELETE /notifications/{id}            admin
//	POST   /notifications/{id}/test       admin      farm.Answer
//	GET    /notifications/log             admin      ?target= -> DeliveryList
//	GET    /logins                        admin      []LoginView
//	POST   /logins                        view       LoginLink
//	DELETE /logins/{id}                   admin
//	POST   /pairings                      (anybody)  PairRequest -> PairTicket
//	POST   /pairings/poll                 (anybody)  PairPoll -> PairAnswer
//	GET    /pairings                      admin      []farm.Pairing
//	POST   /pairings/{code}/accept        admin      farm.Pairing
//	POST   /pairings/{code}/refuse        admin      farm.Pairing

func jobPath(id farm.JobID, rest ...string) string {
	return Root + "/jobs/" + id.String() + strings.Join(rest, "")
}

// ResultPath is where a result of a job is read.
func ResultPath(id farm.JobID, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return jobPath(id, "/results/", strings.Join(parts, "/"))
}

// BlobPath is where a blob is read and written.
func BlobPath(ref string) string { return Root + "/blobs/" + ref }

func workerPath(id farm.WorkerID) string { return Root + "/workers/" + url.PathEscape(string(id)) }
