package blender

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fenced runs a shell script inside a fence that lets it write one folder, and returns that folder and what was said.
func fenced(t *testing.T, script string, env ...string) (dir, said string) {
	t.Helper()
	if can, why := CanFence(); !can {
		t.Skip(why)
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here, whose /dev/tcp opens sockets")
	}
	dir = t.TempDir()
	fence := filepath.Join(t.TempDir(), "fence.json")
	if err := (Fence{Write: []string{dir}}).write(fence); err != nil {
		t.Fatal(err)
	}
	cmd := runnerCommand(t.Context(), testRunner(t), 0, fence, []string{shell, "-c", script})
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	out, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	return dir, string(out)
}

func TestFenceHoldsFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, said := fenced(t, `cat "$SECRET"; echo spoilt > "$SECRET"; rm -f "$SECRET"; mv "$SECRET" stolen; ln "$SECRET" linked; ls "$(dirname "$SECRET")"
cat /proc/$PARENT/environ | tr '\0' '\n' | grep HOME
echo fine > here && cat here && ls / >/dev/null; echo end`, "SECRET="+secret, "PARENT="+strconv.Itoa(os.Getpid()))
	if strings.Contains(said, "s3cret") || strings.Contains(said, "HOME=") {
		t.Errorf("it was read: %s", said)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "s3cret" {
		t.Errorf("it was written: %q %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "here")); err != nil || string(text) != "fine\n" || !strings.HasSuffix(said, "end\n") {
		t.Errorf("what is allowed failed: %q %v\n%s", text, err, said)
	}
}

func TestFenceShutsTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan struct{}, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			came <- struct{}{}
		}
	}()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	script := `(exec 3<>/dev/tcp/127.0.0.1/` + port + `) && echo connected; (exec 3<>/dev/udp/127.0.0.1/` + port + `) && echo sent; echo end`
	if _, said := fenced(t, script); strings.Contains(said, "connected") || strings.Contains(said, "sent") || !strings.HasSuffix(said, "end\n") {
		t.Error(said)
	}
	select {
	case <-came:
		t.Error("a connection came")
	default:
	}
	// The script is not to blame: outside, it connects.
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "connected") || !strings.Contains(string(out), "sent") {
		t.Errorf("%v %s", err, out)
	}
}

func TestFenceThatIsDamaged(t *testing.T) {
	for _, text := range []string{"", "no json", `{"read":["relative"]}`} {
		path := filepath.Join(t.TempDir(), "fence.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := runnerCommand(context.Background(), testRunner(t), 0, path, []string{"echo", "ran"}).CombinedOutput()
		if err == nil || strings.Contains(string(out), "ran") {
			t.Errorf("%q: %v %s", text, err, out)
		}
	}
}
