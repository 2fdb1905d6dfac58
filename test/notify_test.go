package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver is a webhook's other end.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	ids   []string
	texts []string
	say   func(w http.ResponseWriter, r *http.Request)
}

func startReceiver(t *testing.T) *receiver {
	r := &receiver{say: func(http.ResponseWriter, *http.Request) {}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		var said struct {
			Data struct {
				Text string `json:"text"`
			} `json:"data"`
		}
		_ = json.Unmarshal(body, &said)
		r.mu.Lock()
		r.ids, r.texts = append(r.ids, q.Header.Get("webhook-id")), append(r.texts, said.Data.Text)
		say := r.say
		r.mu.Unlock()
		say(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(say func(w http.ResponseWriter, q *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say = say
}

func (r *receiver) got() (ids, texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.ids...), append([]string{}, r.texts...)
}

// TestToldThoughTheMasterDies: a master that is killed while it tells of a job's end tells it when it is up again, under the
// same id, and not a third time.
func TestToldThoughTheMasterDies(t *testing.T) {
	r := startReceiver(t)
	held := make(chan struct{})
	r.answers(func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-q.Context().Done(): // the master was killed
		case <-held:
		}
	})
	defer close(held)
	f := startFarm(t)
	f.ok("notify", "add", "pipeline", r.URL+"/in")
	f.worker("oak", fastFake...)
	f.submitFake("1-2")
	eventually(t, 30*time.Second, "the job's end is told", func() bool { ids, _ := r.got(); return len(ids) > 0 })
	f.proc.kill()
	r.answers(func(http.ResponseWriter, *http.Request) {})
	f.start()
	eventually(t, 30*time.Second, "it is told again", func() bool { ids, _ := r.got(); return len(ids) > 1 })
	eventually(t, 30*time.Second, "the master knows that it was", func() bool { return strings.Contains(f.ok("notify", "log", "--json"), `"delivered"`) })
	if j := f.job("1"); j.State != "done" {
		t.Errorf("the job is %s", j.State)
	}
	f.submitFake("3-4") // what is written down after it is written down
	eventually(t, 30*time.Second, "the second job's end is told", func() bool { ids, _ := r.got(); return len(ids) > 2 })
	eventually(t, 30*time.Second, "the master knows that it was", func() bool { return strings.Count(f.ok("notify", "log", "--json"), `"delivered"`) == 2 })
	f.submitFake("5")
	eventually(t, 30*time.Second, "the third job's end is told", func() bool { ids, _ := r.got(); return len(ids) > 3 })
	f.proc.kill()
	f.start()
	f.submitFake("6-7")
	eventually(t, 30*time.Second, "the last job's end is told", func() bool {
		_, texts := r.got()
		return strings.Count(strings.Join(texts, "\n"), " is done: 2 frames") >= 4
	})
	ids, texts := r.got()
	if ids[0] == "" || ids[0] != ids[1] || texts[0] != texts[1] || !strings.Contains(texts[0], "is done: 2 frames") {
		t.Errorf("told were %q as %q", texts, ids)
	}
	for i, id := range ids[2:] {
		if id == ids[0] {
			t.Errorf("message %d of %d is the first one, a third time", i+3, len(ids))
		}
	}
}

// TestPageOfNotifications: a target is made, its secret shown once, tried with the answer shown, changed and removed.
func TestPageOfNotifications(t *testing.T) {
	b := openBrowser(t)
	r := startReceiver(t)
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(418)
		_, _ = io.WriteString(w, "a teapot <b>")
	})
	f := startFarm(t)
	f.worker("oak", fastFake...)
	b.visit(f.link(f.url))
	b.press("Log in")
	b.press("Settings")
	b.press("Notifications")
	b.sees("Nobody yet.", "Nothing was told yet.")
	b.press("Add somebody")
	b.types(".targeting input[placeholder^=pipeline]", "pipe <i>")
	b.types(".targeting input[placeholder^=https]", "ftp://nowhere")
	b.press("Add")
	b.sees("There is no service ftp.")
	b.types(".targeting input[placeholder^=https]", r.URL+"/TOPSECRET")
	b.press("Add")
	b.sees("The secret of pipe <i>", r.URL)
	secret := value[string](b, `document.querySelector(".secret").value`)
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret is %q", secret)
	}
	b.press("I have it")
	b.press("Send a test")
	b.sees("It did not get there", "418 a teapot <b>", "given up")
	r.answers(func(http.ResponseWriter, *http.Request) {})
	b.press("Send a test")
	b.sees("It got there in", "got there")
	b.press("Change")
	b.types(".targeting input[placeholder=everybody]", "nobody")
	b.press("Save")
	b.sees("of jobs those of nobody")
	f.submitFake("1-2")
	b.press("Change")
	b.types(".targeting input[placeholder=everybody]", "")
	b.press("Save")
	b.until("no owner", `!document.body.innerText.includes("of jobs those of")`)
	f.submitFake("3-4")
	b.sees("is done: 2 frames") // by itself
	whole := value[string](b, `document.documentElement.outerHTML`)
	if strings.Contains(whole, "TOPSECRET") || strings.Contains(whole, secret) || strings.Contains(f.get("/notifications")+f.get("/audit"), "TOPSECRET") {
		t.Error("a secret is shown again")
	}
	b.accessible(axe(t), f.url+"/settings/notifications")
	b.press("Change")
	b.sees("Is told when")
	b.press("Disable")
	b.sees("What waits for it is dropped.")
	answer := `(e => !!e && (e.click(), true))(document.querySelector("dialog button.danger"))`
	b.until("the answer", answer)
	b.sees("disabled")
	b.until("remove", `(e => !!e && (e.click(), true))(document.querySelector(".target button.danger"))`)
	b.sees("Its address and its secret are forgotten.")
	b.until("the answer", answer)
	b.sees("Nobody yet.")

	view := strings.Fields(f.ok("token", "create", "vera", "--role", "submit"))[0]
	q, err := http.NewRequest(http.MethodGet, f.url+"/api/v1/notifications", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+view)
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a submitter is answered %d", resp.StatusCode)
	}
}
