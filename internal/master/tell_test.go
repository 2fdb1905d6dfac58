package master_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/master"
)

// post is a courier that notes what it is given.
type post struct {
	mu    sync.Mutex
	sent  []string // "target: text, text"
	ids   []string // of all messages, in order
	times []time.Time
	say   func(t *farm.Target) farm.Answer // nil: all is well
	hangs bool                             // until the master stops
}

func (p *post) Check(url string) (string, bool, error) {
	if url == "bad" {
		return "", false, farm.Errorf(farm.Invalid, "that is no URL")
	}
	return strings.TrimSuffix(url, "/secret"), strings.HasPrefix(url, "https:"), nil
}

func (p *post) Secret(key []byte) string { return fmt.Sprintf("whsec_%x", key) }

func (p *post) Send(ctx context.Context, t *farm.Target, list []farm.Message) farm.Answer {
	p.mu.Lock()
	a, hangs := farm.Answer{OK: true}, p.hangs
	if p.say != nil {
		a = p.say(t)
	}
	if t.Secret != "" {
		list = list[:1]
	}
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Text)
		p.ids = append(p.ids, m.ID)
	}
	p.sent = append(p.sent, t.Name+": "+strings.Join(texts, " | "))
	p.times = append(p.times, time.Now())
	p.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return farm.Answer{Said: "no answer"}
	}
	return a
}

func (p *post) answers(say func(t *farm.Target) farm.Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say = say
}

func refuses(*farm.Target) farm.Answer { return farm.Answer{Status: 500, Said: "no"} }

// take returns what was sent since the last time.
func (p *post) take() (sent []string) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	sent, p.sent = p.sent, nil
	return sent
}

// told runs f on a farm with a courier.
func told(t *testing.T, f func(b *bench, p *post)) {
	t.Helper()
	inFarm(t, func(b *bench) {
		p := &post{}
		b.courier = p
		b.restart()
		f(b, p)
	})
}

func ptr[T any](v T) *T { return &v }

func (b *bench) target(name, url string, edit ...func(*master.TargetChange)) farm.Target {
	b.t.Helper()
	c := master.TargetChange{Name: &name, URL: &url}
	for _, e := range edit {
		e(&c)
	}
	target, _, err := b.m.AddTarget(context.Background(), root, c)
	if err != nil {
		b.t.Fatal(err)
	}
	return target
}

func (b *bench) renderOne(oak farm.WorkerID, name string) farm.Job {
	b.t.Helper()
	j := b.submit("1-2", func(s *farm.JobSpec) { s.Name = name })
	for range 2 {
		g := b.claim(oak, 0)
		b.report(g, g.Lease.Frames[0], farm.Rendered)
	}
	return j
}

func TestJobEndsAreTold(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		hook := b.target("hook", "https://a/secret")
		chat := b.target("chat", "chat://b/secret", func(c *master.TargetChange) { c.Kinds = &[]farm.MessageKind{farm.TellFailed} })
		b.target("bert's", "chat://c", func(c *master.TargetChange) { c.Owner = ptr("bert") })
		if hook.Secret == "" || chat.Secret != "" || hook.Where != "https://a" {
			t.Errorf("%+v, %+v", hook, chat)
		}
		b.renderOne(oak, "shot_010")
		time.Sleep(time.Second)
		want(t, "sent", strings.Join(p.take(), "\n"), "hook: shot_010 is done: 2 frames; 2 s of machines")
		if l := b.store.waitFor(); len(l) != 0 {
			t.Errorf("%v still wait", l)
		}
		b.submit("1-3", func(s *farm.JobSpec) { s.Name, s.Attempts = "shot_020", 1 })
		for range 3 {
			g := b.claim(oak, 0)
			if g == nil {
				oak = b.worker("elm"+fmt.Sprint(len(p.ids)), 1)
				g = b.claim(oak, 0)
			}
			b.report(g, g.Lease.Frames[0], farm.Errored, func(r *farm.Report) { r.Fatal = true })
		}
		time.Sleep(10 * time.Second)
		sent := strings.Join(p.take(), "\n")
		wantText(t, "sent", sent, "hook: shot_020 failed: 3 frames failed")
		wantText(t, "sent", sent, "chat: shot_020 failed: 3 frames failed")
		if strings.Contains(sent, "bert") {
			t.Errorf("bert was told of root's: %s", sent)
		}
	})
}

func (s *memStore) waitFor() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pending {
		ids = append(ids, p.Message.ID)
	}
	return ids
}

// TestAToldJobOutlivesTheMaster: what was not delivered is delivered by the next master, under the same id.
func TestAToldJobOutlivesTheMaster(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		b.target("hook", "https://a/secret")
		p.hangs = true
		b.renderOne(oak, "shot")
		time.Sleep(time.Second)
		want(t, "tries", len(p.take()), 1)
		want(t, "kept", len(b.store.waitFor()), 1)
		b.restart()
		p.mu.Lock()
		p.hangs = false
		p.mu.Unlock()
		b.restart()
		time.Sleep(time.Second)
		want(t, "kept", len(b.store.waitFor()), 0)
		for _, id := range p.ids {
			want(t, "id", id, p.ids[0])
		}
		b.restart()
		time.Sleep(time.Minute)
		p.take()
		n := len(p.ids)
		if n < 2 {
			t.Errorf("%d tries", n)
		}
		time.Sleep(time.Hour)
		want(t, "tries after it was delivered", len(p.take()), 0)
	})
}

// TestASlowTargetIsNobodysTrouble: neither the engine nor another target waits for one that does not answer.
func TestASlowTargetIsNobodysTrouble(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		b.target("slow", "https://slow/secret")
		b.target("fast", "https://fast/secret")
		block := make(chan struct{})
		p.say = nil
		b.courier = &slowPost{post: p, block: block}
		b.restart()
		began := time.Now()
		for i := range 3 {
			b.renderOne(oak, fmt.Sprint("shot", i))
		}
		time.Sleep(time.Second)
		want(t, "time that the engine lost", time.Since(began) <= 2*time.Second, true)
		var fast int
		for _, s := range p.take() {
			if strings.HasPrefix(s, "fast: ") {
				fast++
			}
		}
		want(t, "told to the other", fast, 3)
		close(block)
		time.Sleep(time.Second)
		want(t, "kept", len(b.store.waitFor()), 0)
	})
}

type slowPost struct {
	*post
	block chan struct{}
}

func (p *slowPost) Send(ctx context.Context, t *farm.Target, list []farm.Message) farm.Answer {
	if t.Name == "slow" {
		select {
		case <-p.block:
		case <-ctx.Done():
		}
	}
	return p.post.Send(ctx, t, list)
}

// TestTriesGrowRarer: a target that fails is tried ever more rarely, is failing after a day, and told again when it is well.
func TestTriesGrowRarer(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		id := b.target("hook", "https://a/secret").ID
		p.answers(refuses)
		b.renderOne(oak, "shot")
		time.Sleep(20 * time.Minute)
		want(t, "tries in 20 minutes", len(p.take()), 5)
		b.renderOne(oak, "another")
		time.Sleep(time.Minute)
		want(t, "tries because of another message", len(p.take()), 0)
		time.Sleep(23*time.Hour - 21*time.Minute)
		synctest.Wait()
		p.mu.Lock()
		last := time.Duration(0)
		for i := 1; i < len(p.times); i++ {
			gap := p.times[i].Sub(p.times[i-1])
			if gap < last || gap > 62*time.Minute {
				t.Errorf("try %d came %s after the one before, which came after %s", i+1, gap, last)
			}
			last = gap - time.Second
		}
		tries := len(p.times)
		p.mu.Unlock()
		if tries < 20 || tries > 32 {
			t.Errorf("%d tries in a day", tries)
		}
		if got := strings.Join(b.needs(root), "\n"); strings.Contains(got, "notify") {
			t.Errorf("before the day is over: %s", got)
		}
		time.Sleep(3 * time.Hour)
		wantText(t, "attention", strings.Join(b.needs(root), "\n"), "notify: notifications do not reach hook: no")
		if got := strings.Join(b.needs(master.Identity{Name: "anna", Role: farm.RoleSubmit}), "\n"); strings.Contains(got, "notify") {
			t.Errorf("a submitter is told of targets: %s", got)
		}
		want(t, "kept", len(b.store.waitFor()), 0)
		b.restart()
		wantText(t, "attention after a restart", strings.Join(b.needs(root), "\n"), "notify: notifications do not reach hook: no")
		p.answers(nil)
		if a, err := b.m.TestTarget(context.Background(), root, id); err != nil || !a.OK {
			t.Fatal(a, err)
		}
		time.Sleep(time.Second)
		if got := strings.Join(b.needs(root), "\n"); strings.Contains(got, "notify") {
			t.Errorf("it is well again: %s", got)
		}
		if target := b.store.target(id); !target.Failing.IsZero() {
			t.Errorf("kept is %+v", target)
		}
	})
}

func (s *memStore) target(id string) farm.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.targets[id]
}

// TestMessagesAreGathered: people get one message of what comes in some seconds, and nobody more than there is room for.
func TestMessagesAreGathered(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		b.target("chat", "chat://a")
		hook := b.target("hook", "https://a/secret")
		for i := range 40 {
			b.renderOne(oak, fmt.Sprint("shot", i))
		}
		time.Sleep(10 * time.Second)
		var chat, hooks int
		for _, s := range p.take() {
			if strings.HasPrefix(s, "chat: ") {
				chat++
				want(t, "jobs in the message", strings.Count(s, " is done: "), 40)
			} else {
				hooks++
			}
		}
		want(t, "messages for people", chat, 1)
		want(t, "messages for the program", hooks, 40)

		p.answers(refuses)
		for i := range 1010 {
			b.renderOne(oak, fmt.Sprint("shot", i))
		}
		synctest.Wait()
		want(t, "kept", len(b.store.waitFor()), 2*1000)
		list, err := b.m.Deliveries(hook.ID)
		if err != nil || len(list) < 50 {
			t.Fatalf("%d deliveries, %v", len(list), err)
		}
		if _, _, err := b.m.ChangeTarget(context.Background(), root, hook.ID, master.TargetChange{Enabled: ptr(false)}); err != nil {
			t.Fatal(err)
		}
		want(t, "kept of one that is disabled", len(b.store.waitFor()), 1000)
	})
}

// TestAlarmsAreTold: what needs a person is told once, and what stood before a restart is not told again.
func TestAlarmsAreTold(t *testing.T) {
	told(t, func(b *bench, p *post) {
		ctx := context.Background()
		b.target("hook", "https://a/secret")
		time.Sleep(2 * time.Second)
		job := b.submit("1-4", func(s *farm.JobSpec) { s.Needs.Tags = []string{"gpu"} })
		time.Sleep(2 * time.Second)
		want(t, "sent", strings.Join(p.take(), "\n"), "hook: a job waits, and no worker is there")
		oak := b.worker("oak", 1)
		time.Sleep(2 * time.Second)
		want(t, "sent", strings.Join(p.take(), "\n"), "hook: no worker can render job 1 (shot): 1 worker (it lacks the tag gpu)")
		for range 3 { // it comes and goes
			for _, tags := range [][]string{nil, {"gpu"}} {
				if _, err := b.m.Change(ctx, root, job.ID, func(s *farm.JobSpec) { s.Needs.Tags = tags }); err != nil {
					t.Fatal(err)
				}
				b.beat(oak)
				time.Sleep(2 * time.Second)
			}
		}
		want(t, "sent again within the hour", strings.Join(p.take(), "\n"), "")
		b.restart()
		b.worker("oak", 1)
		time.Sleep(3 * time.Second)
		want(t, "sent of what stood", strings.Join(p.take(), "\n"), "")

		for i := range 12 {
			if _, _, err := b.m.AskPairing(ctx, master.Newcomer{Name: fmt.Sprint("box", i), Role: farm.RoleWorker, Address: "10.0.0.7"}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		sent := p.take()
		want(t, "pairings that were told", len(sent), 10)
		wantText(t, "sent", sent[0], " (10.0.0.7) asks to be let in as worker")
		for _, s := range sent {
			for _, pairing := range must(b.m.Pairings(ctx)) {
				if strings.Contains(s, pairing.Code) {
					t.Errorf("a code is told: %s", s)
				}
			}
		}
		b.free.Store(reserve / 4)
		time.Sleep(2 * time.Minute)
		wantText(t, "sent", strings.Join(p.take(), "\n"), "hook: ")
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestTargets: they are made, changed, tried and removed; what they keep to themselves; and what is no target.
func TestTargets(t *testing.T) {
	told(t, func(b *bench, p *post) {
		ctx := context.Background()
		for _, c := range []master.TargetChange{
			{},
			{URL: ptr("bad")},
			{URL: ptr("https://a"), Kinds: &[]farm.MessageKind{}},
			{URL: ptr("https://a"), Kinds: &[]farm.MessageKind{"job.sung"}},
			{URL: ptr("https://a"), Name: ptr("a\nb")},
			{URL: ptr("chat://a"), Name: ptr(strings.Repeat("x", 201))},
		} {
			if _, _, err := b.m.AddTarget(ctx, root, c); farm.KindOf(err) != farm.Invalid {
				t.Errorf("%+v: %v", c, err)
			}
		}
		hook, secret, err := b.m.AddTarget(ctx, root, master.TargetChange{URL: ptr("https://a/secret")})
		if err != nil || hook.Name != "https://a" || secret == "" || len(hook.Kinds) != len(farm.MessageKinds()) {
			t.Fatal(hook, secret, err)
		}
		changed, again, err := b.m.ChangeTarget(ctx, root, hook.ID, master.TargetChange{NewSecret: true})
		if err != nil || again == "" || again == secret || changed.Secret != again {
			t.Error(changed, again, err)
		}
		same, none, err := b.m.ChangeTarget(ctx, root, hook.ID, master.TargetChange{URL: ptr("https://b/secret"), Name: ptr("pipe")})
		if err != nil || none != "" || same.Secret != again || same.Where != "https://b" {
			t.Error(same, none, err)
		}
		chat, none, err := b.m.ChangeTarget(ctx, root, hook.ID, master.TargetChange{URL: ptr("chat://b")})
		if err != nil || none != "" || chat.Secret != "" {
			t.Error(chat, none, err)
		}
		if _, _, err := b.m.ChangeTarget(ctx, root, hook.ID, master.TargetChange{NewSecret: true}); farm.KindOf(err) != farm.Invalid {
			t.Error(err)
		}
		for _, err := range []error{
			b.m.RemoveTarget(ctx, root, "none"), errOf(b.m.TestTarget(ctx, root, "none")), errOf(b.m.Deliveries("none")),
		} {
			if farm.KindOf(err) != farm.NotFound {
				t.Error(err)
			}
		}
		p.answers(func(*farm.Target) farm.Answer { return farm.Answer{Said: "nobody is there"} })
		if a, err := b.m.TestTarget(ctx, root, hook.ID); err != nil || a.OK || a.Said != "nobody is there" {
			t.Error(a, err)
		}
		want(t, "sent", strings.Join(p.take(), "\n"), "pipe: This is a test, sent by root.")
		b.restart()
		want(t, "targets after a restart", b.m.Targets()[0].URL, "chat://b")

		// One that is gone is told nothing more.
		p.answers(func(*farm.Target) farm.Answer { return farm.Answer{Status: 410, Gone: true} })
		oak := b.worker("oak", 1)
		b.renderOne(oak, "shot")
		b.renderOne(oak, "shot")
		time.Sleep(time.Minute)
		want(t, "tries", len(p.take()), 1)
		want(t, "kept", len(b.store.waitFor()), 0)
		if target := b.store.target(hook.ID); target.Enabled {
			t.Errorf("it is %+v", target)
		}
		wantText(t, "attention", strings.Join(b.needs(root), "\n"), "notify: notifications do not reach pipe: it answered that it is gone")
		if err := b.m.RemoveTarget(ctx, root, hook.ID); err != nil || len(b.m.Targets()) != 0 {
			t.Error(err)
		}
		list, err := b.m.Audit(ctx, farm.AuditFilter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var did []string
		for _, a := range list {
			did = append([]string{string(a.Action)}, did...)
			if strings.Contains(a.Text, "secret") && !strings.Contains(a.Text, "a new secret") || strings.Contains(a.Text, "whsec") {
				t.Errorf("the audit tells a secret: %s", a.Text)
			}
		}
		wantText(t, "audit", strings.Join(did, " "), "notify.make notify.change notify.change notify.change notify.test")
		wantText(t, "audit", strings.Join(did, " "), "notify.remove")
	})
}

func errOf[T any](_ T, err error) error { return err }

// TestNothingIsToldThatIsNotKept: a batch that cannot be written tells nobody, and what it was about is told when it is.
func TestNothingIsToldThatIsNotKept(t *testing.T) {
	told(t, func(b *bench, p *post) {
		oak := b.worker("oak", 1)
		b.target("hook", "https://a/secret")
		b.submit("1")
		g := b.claim(oak, 0)
		b.store.breaks(errors.New("the disk is full"))
		if _, _, err := b.m.Report(context.Background(), root, []farm.Report{reportOf(g, 1, farm.Rendered)}, nil); err == nil {
			t.Fatal("a report was taken that cannot be kept")
		}
		time.Sleep(5 * time.Second)
		want(t, "sent", len(p.take()), 0)
		b.store.breaks(nil)
		time.Sleep(5 * time.Second)
		b.report(g, 1, farm.Rendered)
		time.Sleep(time.Second)
		want(t, "sent", len(p.take()), 1)
	})
}
