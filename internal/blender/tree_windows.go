package blender

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// groupAttr keeps the console's Ctrl-C and its window away from the runner.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

// killGroup ends p; a runner's job object takes the rest of the tree with it.
func killGroup(p *os.Process) error { return p.Kill() }

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// enterTree puts this process into a job object that dies with its last handle, which is ours: children are born into the
// job, so none can escape. Crash dialogs are off from here on, children inherit that too.
func enterTree() (<-chan struct{}, error) {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_NOOPENFILEERRORBOX)
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("the system gives us no job object: %w", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return nil, fmt.Errorf("the job object takes no limits: %w", err)
	}
	if err := windows.AssignProcessToJobObject(job, windows.CurrentProcess()); err != nil {
		return nil, fmt.Errorf("the runner cannot enter its job object: %w", err)
	}
	return make(chan struct{}), nil // job stays open until we end
}

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}

// reapTree waits for the command. What is left of the tree ends with our own process, when the job closes.
func reapTree(cmd *exec.Cmd, ended chan<- int, empty chan<- struct{}) {
	cmd.Wait()
	ended <- cmd.ProcessState.ExitCode()
	close(empty)
}

func killDescendants(command *os.Process) { command.Kill() }

// askProcess does nothing: a process without a window cannot be asked to end here.
func askProcess(*os.Process) error { return nil }
