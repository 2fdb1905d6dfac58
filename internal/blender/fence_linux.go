package blender

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// CanFence tells whether a Fence can be put up here, and if not, why.
func CanFence() (can bool, why string) {
	if v, err := landlocksys.LandlockGetABIVersion(); err != nil || v < 1 {
		return false, "this machine's kernel has no Landlock"
	}
	if _, known := nativeArch[runtime.GOARCH]; !known {
		return false, "system calls are not filtered on " + runtime.GOARCH
	}
	return true, ""
}

// What every program may read: the system, without the homes of people and what servers keep. Files of /etc that hold
// secrets are not among them.
var systemReads = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store", "/snap", "/app",
	"/var/lib/snapd", "/var/lib/flatpak", "/var/cache/fontconfig", "/run/opengl-driver", "/run/udev", "/sys",
	"/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/devices", "/proc/modules",
	"/proc/driver", "/proc/sys", // not /proc: the worker's own environment can be read there
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives", "/etc/fonts",
	"/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/machine-id", "/etc/os-release",
	"/etc/OpenCL", "/etc/vulkan", "/etc/glvnd", "/etc/egl", "/etc/X11", "/etc/drirc", "/etc/nvidia", "/etc/amd", "/etc/magic",
	"/etc/mime.types", "/etc/openal", "/etc/python3", "/etc/python3.11", "/etc/python3.12", "/etc/python3.13", "/tmp/.X11-unix",
}

// Devices that rendering uses; disks and terminals are not among them.
var deviceWrites = []string{
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm", "/dev/dri", "/dev/nvidia*", "/dev/nvidia-caps",
	"/dev/kfd", "/dev/dxg", "/dev/accel",
}

// put confines this process and all it starts, for good.
func (f Fence) put() error {
	var rules []landlock.Rule
	add := func(paths []string, dirs, files func(...string) landlock.FSRule, more func(landlock.FSRule) landlock.FSRule) {
		for _, pattern := range paths {
			found, err := filepath.Glob(pattern)
			if err != nil || len(found) == 0 {
				found = []string{pattern}
			}
			for _, path := range found {
				info, err := os.Stat(path)
				if err != nil {
					continue
				}
				kind := files
				if info.IsDir() {
					kind = dirs
				}
				rules = append(rules, more(kind(path)))
			}
		}
	}
	plain := func(r landlock.FSRule) landlock.FSRule { return r }
	add(systemReads, landlock.RODirs, landlock.ROFiles, func(r landlock.FSRule) landlock.FSRule { return r.WithResolveUnix() })
	add(f.Read, landlock.RODirs, landlock.ROFiles, plain)
	add(f.Write, landlock.RWDirs, landlock.RWFiles, func(r landlock.FSRule) landlock.FSRule { return r.WithRefer() })
	add(deviceWrites, landlock.RWDirs, landlock.RWFiles, func(r landlock.FSRule) landlock.FSRule { return r.WithIoctlDev() })
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("files cannot be confined: %w", err)
	}
	if err := denyNetwork(f.Local); err != nil {
		return fmt.Errorf("the network cannot be shut: %w", err)
	}
	return nil
}

// nativeArch is the AUDIT_ARCH value of each architecture, see seccomp(2) and linux/audit.h.
var nativeArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// denyNetwork lets this process and its children open no sockets but those of the kernel and, with local, of this
// machine's own programs: a docker.sock would be a way out. Landlock alone is not enough: it knows plain TCP only, and UDP only on new kernels. Calls of other
// architectures, which could go round the filter, are refused, and so is io_uring, which makes sockets without a call.
func denyNetwork(local bool) error {
	const (
		numberAt, archAt, firstArgAt = 0, 4, 16 // in struct seccomp_data; both architectures are little endian
		x32                          = 0x40000000
	)
	refuse := bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)}
	family := uint32(unix.AF_NETLINK)
	if local {
		family = unix.AF_UNIX
	}
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: archAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: nativeArch[runtime.GOARCH], SkipTrue: 1},
		refuse,
		bpf.LoadAbsolute{Off: numberAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32, SkipTrue: 1},
		refuse,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_IO_URING_SETUP, SkipTrue: 1},
		refuse,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SOCKET, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
		bpf.LoadAbsolute{Off: firstArgAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: family, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_NETLINK, SkipTrue: 1},
		refuse,
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filter[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, no := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if no != 0 {
		return no
	}
	return nil
}

// enter puts the fence up and becomes the command.
func enter(fence string, argv []string) error {
	f, err := readFence(fence)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := f.put(); err != nil {
		return err
	}
	return unix.Exec(path, argv, unix.Environ())
}
