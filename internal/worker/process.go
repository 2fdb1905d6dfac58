package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/netrender/netrender/internal/blender"
	"github.com/netrender/netrender/internal/farm"
	"github.com/netrender/netrender/internal/openjd"
)

// CommandRunner runs a command of a job that is no scene: blender.Command.Run, with what all commands have in common.
type CommandRunner func(ctx context.Context, c blender.Command) (status int, err error)

// Commands returns a CommandRunner that runs real commands. base carries Runner and Environ. With fenced each is confined to
// the folders of its Fence.
func Commands(base blender.Command, fenced bool) CommandRunner {
	return func(ctx context.Context, c blender.Command) (int, error) {
		c.Runner, c.Environ = base.Runner, base.Environ
		if !fenced {
			c.Fence = nil
		}
		return c.Run(ctx)
	}
}

const (
	processDir  = "process"              // a folder for each slot, where commands work
	outputName  = "output"               // below a session's working directory: what a task leaves there are its results
	processWait = 200 * time.Millisecond // how long a session waits for more of its job before its environments are left
	leaveTime   = 5 * time.Minute        // how long leaving an environment may take
	hidden      = "********"
)

// processSession is a session of the Open Job Description: the environments of a job, entered on this slot. A failure or
// cancelation ends it.
type processSession struct {
	job     farm.JobID
	step    int // whose environments are entered, besides the job's; -1: those of none
	made    *openjd.Job
	spec    *farm.Process
	folder  *folder  // pinned
	dir     string   // Session.WorkingDirectory
	root    *os.Root // the same: commands may have left links there, which lead nobody out of it
	home    string
	entered []*enteredEnvironment
	secrets []string // values that no log shows
	files   int      // written so far
}

// enteredEnvironment is one that was entered, or tried to be, with what it says of variables.
type enteredEnvironment struct {
	*openjd.Environment
	set   []string // NAME=value, in order
	unset []string
}

// process runs the command of a task.
func (s *slot) process(ctx context.Context, k *work, f *frame, no int) error {
	f.options = farm.Options{EXR: "none"}
	if s.w.opt.RunCommand == nil || k.grant.Process == nil {
		return &fault{text: "this worker does not run commands", own: true, rest: true}
	}
	s.endSession() // Blender gives way
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer s.limitTime(k, stop)()
	defer s.limitMemory(ctx, stop)()
	i, task := k.grant.Process.Step(no)
	if i < 0 {
		return &fault{text: fmt.Sprintf("the job has no task %d", no), fatal: true}
	}
	began := s.w.opt.Now()
	err := s.enter(ctx, k, f, i)
	if err == nil {
		err = s.runTask(ctx, k, f, i, task)
	}
	if err != nil {
		s.leaveProcessInto(f.log) // nobody knows what state it is in
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	f.result.Seconds = s.w.opt.Now().Sub(began).Seconds()
	return nil
}

// enter has the environments entered that a task of the step runs in.
func (s *slot) enter(ctx context.Context, k *work, f *frame, step int) error {
	p := s.proc
	if p != nil && (p.job != k.grant.Lease.Job || p.step != step && len(p.made.Steps[p.step].Environments)+len(p.made.Steps[step].Environments) > 0) {
		s.leaveProcess()
	}
	if s.proc != nil {
		s.proc.step = step
		return nil
	}
	src := filepath.Join(k.files.folder.dir, sourceDir)
	text, err := os.ReadFile(filepath.Join(src, filepath.FromSlash(k.grant.Blend)))
	if err != nil {
		return err
	}
	wrong := func(err error) error {
		return &fault{text: "the job's template cannot be used: " + err.Error(), fatal: true, scene: true, rest: true}
	}
	t, err := openjd.Parse(text)
	if err != nil {
		return wrong(err)
	}
	values := map[string]string{}
	for _, v := range k.grant.Process.Parameters {
		values[v.Name] = v.Value
	}
	made, err := t.Make(values)
	if err != nil {
		return wrong(err)
	}
	same := slices.EqualFunc(made.Steps, k.grant.Process.Steps, func(a openjd.Step, b farm.ProcessStep) bool {
		return a.Name == b.Name && a.Level == b.Level && a.Tasks == b.Tasks
	})
	if !same {
		return wrong(fmt.Errorf("its steps are not those that were announced"))
	}
	base := filepath.Join(s.w.opt.Dir, processDir, "slot-"+strconv.Itoa(s.no))
	if err := removeTree(base); err != nil {
		return err
	}
	p = &processSession{job: k.grant.Lease.Job, step: step, made: made, spec: k.grant.Process, folder: k.files.folder, dir: filepath.Join(base, "session"), home: filepath.Join(base, "home")}
	for _, dir := range []string{p.dir, p.home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if p.root, err = os.OpenRoot(p.dir); err != nil {
		return err
	}
	if err := p.writeRules(); err != nil {
		return errors.Join(err, p.root.Close())
	}
	p.folder.pin()
	s.proc = p
	for _, list := range [][]openjd.Environment{made.Environments, made.Steps[step].Environments} {
		for i := range list {
			if err := s.enterOne(ctx, k, f, &list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *slot) enterOne(ctx context.Context, k *work, f *frame, env *openjd.Environment) error {
	p := s.proc
	s.phase(k, "entering "+env.Name)
	e := &enteredEnvironment{Environment: env}
	scope := p.scope()
	for _, v := range env.Variables {
		value, err := scope.Resolve(v.Value)
		if err != nil {
			return err
		}
		e.set = append(e.set, v.Name+"="+value)
	}
	p.entered = append(p.entered, e)
	if env.Enter == nil {
		return nil
	}
	return s.act(ctx, f.log, "the environment "+env.Name, env.Enter, env.Files, "Env.File.", scope, func(l openjd.Line) {
		switch l.What {
		case "env", "redacted_env":
			e.set = append(e.set, l.Text+"="+l.Value)
		case "unset_env":
			e.unset = append(e.unset, l.Text)
		}
		s.told(k, l)
	})
}

// told passes on how far a command says that it is.
func (s *slot) told(k *work, l openjd.Line) {
	switch l.What {
	case "progress":
		s.w.book.update(k.held, func(b *farm.Beat) { b.Fraction = l.Done })
	case "status":
		s.w.book.update(k.held, func(b *farm.Beat) { b.Phase = clip(l.Text) })
	}
}

func (s *slot) runTask(ctx context.Context, k *work, f *frame, i, task int) error {
	p := s.proc
	step := &p.made.Steps[i]
	out := filepath.Join(p.dir, outputName)
	if err := p.root.RemoveAll(outputName); err != nil {
		return err
	}
	if err := p.root.Mkdir(outputName, 0o700); err != nil {
		return err
	}
	s.phase(k, "running "+step.Name)
	scope := step.TaskScope(p.scope(), task, p.lead)
	if err := s.act(ctx, f.log, "the command", &step.Run, step.Files, "Task.File.", scope, func(l openjd.Line) { s.told(k, l) }); err != nil {
		return err
	}
	var files []blender.File
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, path)
		if err == nil {
			files = append(files, blender.File{Kind: blender.Kind(farm.KindOutput), Path: path, Name: filepath.ToSlash(name)})
		}
		return err
	})
	if err != nil {
		return err
	}
	f.result = &blender.Result{Files: files}
	return f.take(out, files)
}

// act runs one action of the session. Its lines go to the log and, those that are ours, to told.
func (s *slot) act(ctx context.Context, log *attemptLog, what string, a *openjd.Action, files []openjd.File, prefix string, scope openjd.Scope, told func(openjd.Line)) error {
	p := s.proc
	scope, err := p.write(files, prefix, scope)
	if err != nil {
		return err
	}
	c := blender.Command{
		Dir: p.dir, Home: p.home, Notify: time.Duration(a.Notify) * time.Second,
		Fence:   &blender.Fence{Read: []string{p.folder.dir}, Write: []string{p.dir}},
		Asked:   func() { p.tellEnd(s.w.opt.Now().Add(time.Duration(a.Notify) * time.Second)) },
		Started: func(pid int) { s.root.Store(int64(pid)) },
	}
	for _, share := range s.w.opt.Shared {
		c.Fence.Read = append(c.Fence.Read, share.To)
	}
	for _, format := range append([]string{a.Command}, a.Args...) {
		arg, err := scope.Resolve(format)
		if err != nil {
			return &fault{text: what + " cannot be run: " + err.Error(), fatal: true}
		}
		c.Argv = append(c.Argv, arg)
	}
	c.Env = []string{"NETRENDER_OUTPUT=" + filepath.Join(p.dir, outputName), "NETRENDER_FILES=" + filepath.Join(p.folder.dir, sourceDir, "files")}
	for _, e := range p.entered {
		c.Env = append(c.Env, e.set...)
		for _, entry := range e.set {
			name, _, _ := strings.Cut(entry, "=")
			c.Unset = slices.DeleteFunc(c.Unset, func(u string) bool { return u == name })
		}
		c.Unset = append(c.Unset, e.unset...)
	}
	failed := ""
	lines := &lineWriter{log: log, line: func(text string) string {
		l := openjd.ParseLine(text)
		if l.What == "redacted_env" && l.Value != "" {
			p.secrets = append(p.secrets, l.Value)
		}
		if l.What == "fail" {
			failed = l.Text
		}
		if told(l); len(p.secrets) == 0 {
			return text
		}
		for _, secret := range p.secrets {
			text = strings.ReplaceAll(text, secret, hidden)
		}
		return text
	}}
	c.Output = lines
	limited := ctx
	if limit := time.Duration(a.Timeout) * time.Second; limit > 0 {
		var end context.CancelFunc
		limited, end = context.WithTimeout(ctx, limit)
		defer end()
	}
	defer s.root.Store(0)
	status, err := s.w.opt.RunCommand(limited, c)
	lines.flush()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return &fault{text: fmt.Sprintf("%s took longer than its limit of %s", what, plainTime(time.Duration(a.Timeout)*time.Second))}
	case err != nil:
		return &fault{text: what + " could not be started: " + err.Error()}
	case failed != "":
		return &fault{text: what + " failed: " + failed}
	case status == 127:
		return &fault{text: fmt.Sprintf("%s could not be started: %s is not there, or is no program", what, c.Argv[0])}
	case status != 0:
		return &fault{text: fmt.Sprintf("%s ended with exit code %d", what, status)}
	}
	return nil
}

// leaveProcess leaves what was entered and forgets the session.
func (s *slot) leaveProcess() { s.leaveProcessInto(nil) }

func (s *slot) leaveProcessInto(log *attemptLog) {
	p := s.proc
	if p == nil {
		return
	}
	for i := len(p.entered) - 1; i >= 0; i-- {
		e := p.entered[i]
		if e.Exit != nil {
			// It is let come to its end whatever became of the task, but not hold the worker for ever.
			ctx, end := context.WithTimeoutCause(context.Background(), leaveTime, &fault{text: "leaving " + e.Name + " took longer than " + plainTime(leaveTime)})
			err := s.act(ctx, log, "leaving "+e.Name, e.Exit, e.Files, "Env.File.", p.scope(), func(openjd.Line) {})
			end()
			if err != nil {
				s.w.log.Warn("an environment was not left as it should be", "job", p.job, "environment", e.Name, "err", err)
			}
		}
		p.entered = p.entered[:i]
	}
	s.proc = nil
	_ = p.root.Close()
	p.folder.unpin()
	if err := removeTree(filepath.Dir(p.dir)); err != nil {
		s.w.log.Warn("a session's folder cannot be removed", "folder", p.dir, "err", err)
	}
}

const rulesName = "path-mapping.json"

func (p *processSession) rulesFile() string { return filepath.Join(p.dir, rulesName) }

// scope is what the session's environments know.
func (p *processSession) scope() openjd.Scope {
	return p.made.Scope(p.lead, map[string]string{
		"WorkingDirectory": p.dir, "HasPathMappingRules": strconv.FormatBool(len(p.spec.Paths) > 0), "PathMappingRulesFile": p.rulesFile(),
	})
}

// place is where a rule leads.
func (p *processSession) place(m *farm.ProcessPath) string {
	if m.Output {
		return filepath.Join(p.dir, outputName)
	}
	return filepath.Join(p.folder.dir, sourceDir, filepath.FromSlash(m.To))
}

// lead is where a path of the submitter's machine lies here.
func (p *processSession) lead(path string) string {
	best, rest := -1, ""
	for i := range p.spec.Paths {
		from := p.spec.Paths[i].From
		after, ok := strings.CutPrefix(path, from)
		if ok && (after == "" || after[0] == '/' || after[0] == '\\' || strings.HasSuffix(from, "/")) && (best < 0 || len(from) > len(p.spec.Paths[best].From)) {
			best, rest = i, after
		}
	}
	if best < 0 {
		return path
	}
	return filepath.Join(p.place(&p.spec.Paths[best]), filepath.FromSlash(strings.ReplaceAll(rest, `\`, "/")))
}

// writeRules writes the file that tells commands of the rules, as How-Jobs-Are-Run of the specification has it.
func (p *processSession) writeRules() error {
	type rule struct {
		Format string `json:"source_path_format"`
		From   string `json:"source_path"`
		To     string `json:"destination_path"`
	}
	rules := []rule{}
	for i := range p.spec.Paths {
		m := &p.spec.Paths[i]
		format := "POSIX"
		if !strings.HasPrefix(m.From, "/") {
			format = "WINDOWS"
		}
		rules = append(rules, rule{format, m.From, p.place(m)})
	}
	text, err := json.Marshal(map[string]any{"version": "pathmapping-1.0", "path_mapping_rules": rules})
	if err != nil {
		return err
	}
	return p.root.WriteFile(rulesName, text, 0o600)
}

// tellEnd writes when a command that is asked to end will be killed.
func (p *processSession) tellEnd(at time.Time) {
	text, _ := json.Marshal(map[string]string{"NotifyEnd": at.UTC().Format("2006-01-02T15:04:05Z")})
	_ = p.root.WriteFile("cancel_info.json", text, 0o600)
}

// write writes the files of an action, and gives the scope in which their places are known.
func (p *processSession) write(files []openjd.File, prefix string, scope openjd.Scope) (openjd.Scope, error) {
	if len(files) == 0 {
		return scope, nil
	}
	p.files++
	folder := "embedded-" + strconv.Itoa(p.files)
	if err := p.root.RemoveAll(folder); err != nil {
		return nil, err
	}
	if err := p.root.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	places, names := map[string]string{}, make([]string, len(files))
	for i := range files {
		names[i] = filepath.Join(folder, cmp.Or(files[i].Filename, files[i].Name))
		places[prefix+files[i].Name] = filepath.Join(p.dir, names[i])
	}
	scope = scope.With(places)
	for i := range files {
		text, err := scope.Resolve(files[i].Data)
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o600)
		if files[i].Runnable {
			mode = 0o700
		}
		if err := p.root.WriteFile(names[i], []byte(text), mode); err != nil {
			return nil, err
		}
	}
	return scope, nil
}

// lineWriter looks at each line before it goes to the log.
type lineWriter struct {
	log  *attemptLog // nil: nobody reads it
	line func(string) string

	mu   sync.Mutex
	part []byte
}

// maxLine is the longest line that is looked at as one.
const maxLine = 64 << 10

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, p...)
	for {
		end := bytes.IndexByte(w.part, '\n')
		if end < 0 && len(w.part) < maxLine {
			return len(p), nil
		}
		if end < 0 {
			end = len(w.part) - 1
		}
		w.say(w.part[:end+1])
		w.part = append([]byte(nil), w.part[end+1:]...)
	}
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.part) > 0 {
		w.say(append(w.part, '\n'))
		w.part = nil
	}
}

func (w *lineWriter) say(line []byte) {
	text := w.line(strings.TrimRight(string(line), "\r\n"))
	if w.log != nil {
		_, _ = w.log.Write([]byte(text + "\n"))
	}
}
