package blender

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of waiting for a Blender that ought to answer by itself.
const (
	startLimit = 5 * time.Minute // to come up; a cold file server or a first compile of device kernels takes its time
	quitLimit  = 5 * time.Second // to leave after being told to, or after hanging up
	logLimit   = 2 * time.Second // for the log to be complete, or its writer to take it
)

// Session is one Blender process. Its methods may be called from any goroutine; Open, Render and Display run one at a time.
type Session struct {
	opts    Options
	cmd     *exec.Cmd
	journal *journal
	conn    net.Conn
	env     []string
	tmp     string // this session's own folder for temporary files; removed with the process

	busy    sync.Mutex // held by the one call under way
	nextID  int        // busy
	device  string
	version string
	pid     int

	displayMu sync.Mutex
	display   *display // displayMu; nil without a virtual display of ours
	gone      bool     // displayMu; the process has ended, nobody will close a display any more

	replies  chan message
	progress atomic.Pointer[func(message)]
	baked    atomic.Pointer[func(message)]

	killed atomic.Bool
	bad    atomic.Pointer[Error] // why we killed it, when it talked nonsense
	done   chan struct{}         // closed when the process is gone and its log is read
	status int                   // exit status, valid after done
}

// Start runs Blender and waits until it answers. The caller ends the session with Close or Kill; ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Session, error) {
	if !filepath.IsAbs(opts.Home) {
		return nil, &Error{Kind: NoStart, Message: fmt.Sprintf("the session's home %q is not an absolute path", opts.Home)}
	}
	if len(opts.Runner) == 0 {
		opts.Runner = opts.Install.Runner
	}
	if opts.quitLimit == 0 {
		opts.quitLimit = quitLimit
	}
	s := &Session{opts: opts, replies: make(chan message, 1), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	r, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	hello, err := readHello(ctx, s.conn, r)
	if err != nil {
		s.settle(ctx)
		if ctx.Err() != nil {
			return nil, s.failure(NoStart, fmt.Sprintf("Blender (%s) did not answer in time", opts.Install.Path), ctx.Err())
		}
		return nil, s.failure(NoStart, fmt.Sprintf("Blender (%s) ended with status %d before it answered", opts.Install.Path, s.status), err)
	}
	if hello.Error != nil {
		s.Kill()
		<-s.done
		return nil, s.failure(hello.Error.Kind, hello.Error.Message, nil)
	}
	s.version, s.pid, s.device = hello.Version, hello.PID, hello.Device
	go s.listen(r)
	return s, nil
}

// start brings the process up and connects the channel.
func (s *Session) start(ctx context.Context) (*bufio.Reader, error) {
	fail := func(err error) (*bufio.Reader, error) {
		return nil, &Error{Kind: NoStart, Message: "Blender cannot be started: " + err.Error(), cause: err}
	}
	s.tmp = filepath.Join(s.opts.Home, "tmp", "session-"+rand.Text())
	if err := os.MkdirAll(s.tmp, 0o700); err != nil {
		return fail(err)
	}
	defer func() {
		if s.journal == nil { // nothing was started that would remove it in the end
			os.RemoveAll(s.tmp)
		}
	}()
	folder, err := unpackAgent(s.opts.Home)
	if err != nil {
		return fail(err)
	}
	end, err := newEndpoint(s.opts.Channel)
	if err != nil {
		return fail(err)
	}
	h := handover{Mark: "\x1e" + rand.Text() + " ", Device: s.opts.Device, Scripts: s.opts.Scripts, Threads: s.opts.Threads, Addons: s.opts.Addons, Scratch: s.tmp}
	if h.Addons == nil {
		h.Addons = []Addon{}
	}
	end.fill(&h)
	text, err := json.Marshal(h)
	if err != nil {
		end.close()
		return fail(err)
	}
	private := filepath.Join(s.tmp, "handover.json")
	if err := os.WriteFile(private, text, 0o600); err != nil {
		end.close()
		return fail(err)
	}
	threads := ""
	if s.opts.Threads > 0 {
		threads = strconv.Itoa(s.opts.Threads)
	}
	argv := s.opts.Install.argv(filepath.Join(folder, "agent.py"), s.opts.Scripts, threads, private)
	fds := 0
	if end.child != nil {
		fds = 1
	}
	// What a scene's Python leaves behind must not reach the next scene.
	home := s.opts.Home
	if s.opts.Scripts {
		home = filepath.Join(s.tmp, "home")
		if err := os.Mkdir(home, 0o700); err != nil {
			end.close()
			return fail(err)
		}
	}
	fence := ""
	if s.opts.Fence != nil {
		fence = filepath.Join(s.tmp, "fence.json")
		f := s.opts.Fence.around(s.opts.Install, s.opts.Environ, s.tmp, home)
		f.Read = append(append(f.Read, s.opts.Home), folders(s.opts.Addons)...)
		if err := f.write(fence); err != nil {
			end.close()
			return fail(err)
		}
	}
	s.cmd = runnerCommand(context.Background(), s.opts.Runner, fds, fence, argv)
	if end.child != nil {
		s.cmd.ExtraFiles = []*os.File{end.child}
	}
	s.env = environment(s.opts.Environ, home, s.tmp, s.opts.Env)
	s.cmd.Env = s.env
	s.cmd.Dir = s.tmp
	logRead, logWrite, err := os.Pipe()
	if err != nil {
		end.close()
		return fail(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = logWrite, logWrite
	err = s.cmd.Start()
	logWrite.Close()
	end.closeChild()
	if err != nil {
		end.close()
		logRead.Close()
		return fail(err)
	}
	s.journal = newJournal(h.Mark, s.opts.Log, func(line string) { s.report(message{Text: line}) })
	go s.journal.read(logRead)
	go s.wait(logRead)
	// A process that dies before it calls must not leave us waiting for the call.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, r, err := end.connect(ctx)
	if err != nil {
		end.close()
		s.Kill()
		<-s.done
		return nil, s.failure(NoStart, fmt.Sprintf("Blender (%s) ended with status %d before it answered", s.opts.Install.Path, s.status), err)
	}
	s.conn = conn
	return r, nil
}

// wait reaps the process and completes its log.
func (s *Session) wait(logRead *os.File) {
	s.cmd.Wait()
	s.status = s.cmd.ProcessState.ExitCode()
	if s.status < 0 {
		s.status = exitKilled // a signal ended the runner, or a Blender without one
	}
	select {
	case <-s.journal.ended:
	case <-time.After(logLimit): // someone outside the tree still holds the pipe
	}
	logRead.Close()
	s.displayMu.Lock()
	s.gone = true
	d := s.display
	s.displayMu.Unlock()
	if d != nil {
		d.close()
	}
	os.RemoveAll(s.tmp)
	close(s.done)
}

func readHello(ctx context.Context, conn net.Conn, r *bufio.Reader) (message, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	m, err := readMessage(r)
	if err == nil && m.Event != "hello" {
		err = errors.New("the first message is no hello")
	}
	return m, err
}

// listen takes messages until the channel ends; one that makes no sense ends the session.
func (s *Session) listen(r *bufio.Reader) {
	defer s.conn.Close()
	for {
		m, err := readMessage(r)
		switch {
		case err != nil:
			var broken net.Error
			if err == io.EOF || errors.As(err, &broken) || errors.Is(err, net.ErrClosed) {
				s.settle(context.Background())
			} else {
				s.refuse(err)
			}
			return
		case m.Event == "progress":
			s.report(m)
		case m.Event == "baked" && s.baked.Load() != nil:
			(*s.baked.Load())(m)
		case m.Event == "" && m.ID > 0 && (m.OK != nil || m.Error != nil):
			select {
			case s.replies <- m:
			default:
				s.refuse(errors.New("it answered more often than it was asked"))
				return
			}
		default:
			s.refuse(fmt.Errorf("it sent an unknown message (event %q, id %d)", m.Event, m.ID))
			return
		}
	}
}

// report passes a status line on to the render under way. Up to 3.x status stands in the log alone, from 5.0 on it comes
// over the channel alone, between them both ways.
func (s *Session) report(m message) {
	if report := s.progress.Load(); report != nil {
		(*report)(m)
	}
}

// settle waits for a process that has hung up, so that its own exit status is seen; it is killed if it stays or ctx ends.
func (s *Session) settle(ctx context.Context) {
	select {
	case <-s.done:
		return
	case <-ctx.Done():
		s.Kill()
	case <-time.After(s.opts.quitLimit):
		s.refuse(errors.New("it hung up and did not leave"))
	}
	<-s.done
}

func (s *Session) refuse(err error) {
	s.bad.CompareAndSwap(nil, &Error{Kind: BadTalk, Message: "Blender's agent talks nonsense: " + err.Error(), cause: err})
	s.Kill()
}

// call sends one request and waits for its answer; when ctx ends first the process is killed.
func (s *Session) call(ctx context.Context, request map[string]any, answer any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.nextID++
	request["id"] = s.nextID
	line, err := json.Marshal(request)
	if err != nil {
		return &Error{Kind: Agent, Message: "the request cannot be written: " + err.Error(), cause: err}
	}
	stop := context.AfterFunc(ctx, s.Kill)
	defer stop()
	if _, err := s.conn.Write(append(line, '\n')); err != nil {
		s.settle(ctx)
		return s.ended(ctx)
	}
	select {
	case m := <-s.replies:
		if m.ID != s.nextID {
			s.refuse(fmt.Errorf("it answered request %d instead of %d", m.ID, s.nextID))
			<-s.done
			return s.ended(ctx)
		}
		s.awaitMark(strconv.Itoa(m.ID))
		if m.Error != nil {
			return &Error{Kind: m.Error.Kind, Message: m.Error.Message, Log: s.journal.words()}
		}
		if err := json.Unmarshal(m.OK, answer); err != nil {
			s.refuse(err)
			<-s.done
			return s.ended(ctx)
		}
		return nil
	case <-s.done:
		return s.ended(ctx)
	}
}

// awaitMark waits until the log of the request has been read to its end.
func (s *Session) awaitMark(id string) {
	limit := time.NewTimer(logLimit)
	defer limit.Stop()
	for {
		select {
		case mark := <-s.journal.marks:
			if mark == id {
				return
			}
		case <-s.journal.ended:
			return
		case <-limit.C:
			return
		}
	}
}

// ended says why the process is gone. s.done is closed.
func (s *Session) ended(ctx context.Context) error {
	if bad := s.bad.Load(); bad != nil {
		return s.failure(bad.Kind, bad.Message, bad.cause)
	}
	if ctx.Err() != nil {
		return s.failure(Killed, "Blender was stopped", ctx.Err())
	}
	if s.killed.Load() {
		return s.failure(Killed, "Blender was stopped", nil)
	}
	return s.failure(Crashed, "Blender "+statusText(s.status), nil)
}

func (s *Session) failure(kind ErrorKind, text string, cause error) *Error {
	return &Error{Kind: kind, Message: text, Status: s.status, Log: s.journal.words(), cause: cause}
}

// statusText says what an exit status means, as the end of a sentence.
func statusText(status int) string {
	switch status {
	case 0:
		return "ended by itself without an error"
	case 128 + 4, 128 + 6, 128 + 7, 128 + 8, 128 + 11:
		return fmt.Sprintf("crashed (signal %d)", status-128)
	case 128 + 9:
		return "was killed from outside (signal 9), perhaps because memory ran out"
	}
	return fmt.Sprintf("ended with status %d", status)
}

// SetLog sends what Blender says from now on to w (nil drops it). It returns when all that was said before has been written
// to the writer before, or when that writer has not taken it within two seconds. Between two tasks the cut is exact.
func (s *Session) SetLog(w io.Writer) {
	waitLog(s.journal.change(w))
}

func waitLog(written <-chan struct{}) {
	select {
	case <-written:
	case <-time.After(logLimit):
	}
}

// Done is closed when the process is gone.
func (s *Session) Done() <-chan struct{} { return s.done }

// Version is Blender's own, "4.5.15 LTS". PID is its process number. Device is the name of the compute device in use, if one was asked for.
func (s *Session) Version() string { return s.version }
func (s *Session) PID() int        { return s.pid }
func (s *Session) Device() string  { return s.device }

// Root is the process that all of the tree descends from: the runner, or a Blender without one.
func (s *Session) Root() int { return s.cmd.Process.Pid }

// Kill ends the whole process tree at once and does not wait; Done tells when it is gone.
func (s *Session) Kill() {
	if s.killed.Swap(true) {
		return
	}
	s.cmd.Cancel()
	go func() {
		select {
		case <-s.done:
		case <-time.After(killDeadline / 2):
			s.cmd.Process.Kill() // the runner itself hangs
		}
	}()
}

// Close lets Blender leave by itself, kills it if it does not within five seconds, and waits until it is gone and the log
// is written. A render under way is killed.
func (s *Session) Close() error {
	if s.busy.TryLock() {
		s.conn.SetWriteDeadline(time.Now().Add(time.Second))
		s.conn.Write([]byte("{\"verb\":\"quit\"}\n"))
		s.busy.Unlock()
		select {
		case <-s.done:
		case <-time.After(s.opts.quitLimit):
		}
	}
	s.Kill()
	<-s.done
	waitLog(s.journal.change(nil))
	return nil
}
