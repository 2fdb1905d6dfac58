package test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	nr "github.com/netrender/netrender/internal/farm"
)

// TestPagesOfAdmins: the rules are tried, looked at and saved; a token is made, shown once and revoked; the audit tells it
// as it happens; what is not for a role says so.
func TestPagesOfAdmins(t *testing.T) {
	b := openBrowser(t)
	f := startFarm(t)
	f.worker("oak", "--fake-renderer", "100ms", "--fake-size", "64")
	f.worker("elm", "--fake-renderer", "100ms", "--fake-size", "64")
	f.submitFake("1-4000", func(s *nr.JobSpec) { s.Name, s.Priority = "shot <b>1</b>", 3 })
	f.submitFake("1-4001", func(s *nr.JobSpec) { s.Name = "slow" }) // other frames: else it is the same submission
	b.visit(f.link(f.url))
	b.press("Log in")

	b.press("Balancing")
	b.sees("Priority 3: 75 % for 1 job", "shot <b>1</b>", "slow", "No job holds more than this part")
	const priority = `input[aria-label='Priority of slow']`
	b.types(priority, "2")
	b.until("priority", `(e => !!e && e.dispatchEvent(new Event("change", {bubbles: true})))(document.querySelector("`+priority+`"))`)
	b.sees("slow has priority 2.", "Priority 2: 40 % for 1 job")
	b.types("#rule-cap", "50")
	b.sees("No job holds more than 50 % of the workers", "instead of 75")
	if got := f.get("/rules"); !strings.Contains(got, `"cap":0.75`) {
		t.Errorf("looking changed the rules: %s", got)
	}
	b.types("#rule-cap", "0")
	b.sees("The cap is a share above 0")
	b.types("#rule-cap", "50")
	f.ok("rules", "attempts=7") // somebody else, at the same time
	b.press("Save the rules")
	b.sees("The rules are in force.", "Change a number")
	if got := f.get("/rules"); !strings.Contains(got, `"cap":0.5`) || !strings.Contains(got, `"attempts":7`) {
		t.Errorf("the rules are %s", got)
	}

	b.press("Settings")
	b.sees("Make a token")
	b.types("form input", "vera <i>")
	b.until("role", `(e => (e.value = "view", e.dispatchEvent(new Event("change", {bubbles: true})), true))(document.querySelector("form select"))`)
	b.press("Make it")
	b.sees("It is shown this once")
	secret := value[string](b, `document.querySelector(".secret").value`)
	if !strings.HasPrefix(secret, "nr_") {
		t.Fatalf("the secret is %q", secret)
	}
	b.press("I have it")
	b.until("list without the secret", `!document.documentElement.outerHTML.includes(`+"`"+secret+"`"+`) && document.body.innerText.includes("vera <i>")`)

	b.press("Audit")
	b.sees("made token", "vera <i> (view)", "changed the rules", "cap: 0.5, was 0.75")
	f.ask(http.MethodPut, "/cleaning", `{"outputs":{"done_days":9},"inputs":{},"logs":{}}`)
	b.sees("changed what is cleaned") // by itself
	b.press("Logins")
	b.sees("Chrome", "just now")
	b.press("Cleaning")
	b.until("the rule", `[...document.querySelectorAll("input")].some(e => e.value == "9")`)
	b.press("Look")
	b.sees("Nothing would go.")
	// What is removed is said to be so when the master says so to the end.
	f.ok("cancel", "2")
	f.ask(http.MethodPut, "/cleaning", `{"outputs":{"max_bytes":1},"inputs":{},"logs":{}}`)
	b.until("the rule", `[...document.querySelectorAll("input")].some(e => e.value == "1e-9")`)
	b.press("Look")
	b.sees("1 part of jobs would go.")
	b.until("an answer that is cut off", `(window.whole = window.fetch, window.fetch = (url, o) => url.endsWith("/cleaning/run") ? Promise.resolve(new Response("")) : window.whole(url, o), true)`)
	remove := func() {
		t.Helper()
		b.press("Remove it now")
		b.until("the answer", `(e => !!e && (e.click(), true))(document.querySelector("dialog button.danger"))`)
	}
	remove()
	b.sees("The master did not finish its answer.")
	b.until("the whole answer", `(window.fetch = window.whole, true)`)
	remove()
	b.sees("It is removed.", "Nothing would go.")
	b.press("Commands")
	b.sees("This farm runs scenes, and no commands.", "may then run any program on the workers", "None does.")
	b.press("Let this farm run commands")
	b.until("question", `(e => !!e && e.innerText.includes("any program") && (e.querySelector("button.danger").click(), true))(document.querySelector("dialog"))`)
	b.sees("This farm runs commands besides scenes.")
	if got := f.get("/rules"); !strings.Contains(got, `"processes":true`) || !strings.Contains(got, `"cap":0.5`) {
		t.Errorf("the rules are %s", got)
	}
	b.press("Run no more commands")
	b.sees("This farm runs scenes, and no commands.")
	b.press("About")
	b.sees("SQLite", "No backup is known", f.data)

	b.press("Statistics")
	b.sees("Machine hours per day", "shot <b>1</b>")
	checker := axe(t)
	for _, at := range []string{"/balancing", "/statistics", "/settings/tokens", "/settings/logins", "/settings/cleaning", "/settings/commands", "/settings/audit", "/settings/about"} {
		b.accessible(checker, f.url+at)
	}
}

// types puts text into a field, as typing does.
func (b *browser) types(field, text string) {
	b.t.Helper()
	q, _ := json.Marshal(text)
	b.until("field "+field, `(e => !!e && (e.value = `+string(q)+`, e.dispatchEvent(new Event("input", {bubbles: true})), true))(document.querySelector("`+field+`"))`)
}

func (f *farm) get(path string) string { return f.ask(http.MethodGet, path, "") }

// ask calls the API as the farm's admin.
func (f *farm) ask(method, path, body string) string {
	f.t.Helper()
	r, err := http.NewRequest(method, strings.Split(f.url, "#")[0]+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.token())
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		f.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
	return string(text)
}
