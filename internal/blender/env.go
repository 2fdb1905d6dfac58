package blender

import (
	"path/filepath"
	"runtime"
	"strings"
)

// inherited are the variables Blender gets from its surroundings; a trailing * stands for any ending. Tokens and settings
// of the program that starts it are not among them: a scene's script could read them.
var inherited = []string{
	"PATH", "LANG", "LC_*", "TZ", "LD_LIBRARY_PATH", "DYLD_*",
	"DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE",
	"CUDA_*", "NVIDIA_*", "HIP_*", "ROCR_*", "GPU_*", "ONEAPI_*", "SYCL_*", "ZE_*", "CYCLES_*", "OPTIX_*",
	"VK_*", "LIBGL_*", "MESA_*", "__GL*", "__EGL*", "EGL_*", "OCIO", "OCIO_*", "BLENDER_OCIO", "OMP_*",
	"PYTHONPATH", "BLENDER_SYSTEM_*",
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES*", "COMMONPROGRAM*",
	"NUMBER_OF_PROCESSORS", "PROCESSOR_*", "OS", "DRIVERDATA",
}

// environment is what Blender runs with: the system's variables of environ, homes inside home, tmp, then extra.
func environment(environ []string, home, tmp string, extra []string) []string {
	var env []string
	for _, entry := range environ {
		name, _, ok := strings.Cut(entry, "=")
		if ok && isInherited(name) {
			env = append(env, entry)
		}
	}
	inside := func(name string) string { return filepath.Join(home, name) }
	env = append(env,
		"HOME="+home, "TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp,
		"XDG_CONFIG_HOME="+inside("config"), "XDG_CACHE_HOME="+inside("cache"), "XDG_DATA_HOME="+inside("data"),
		"BLENDER_USER_RESOURCES="+inside("blender"), "PYTHONDONTWRITEBYTECODE=1", "PYTHONNOUSERSITE=1",
	)
	if runtime.GOOS == "windows" {
		env = append(env, "USERPROFILE="+home, "APPDATA="+inside("config"), "LOCALAPPDATA="+inside("cache"))
	}
	return append(env, extra...)
}

func isInherited(name string) bool {
	upper := strings.ToUpper(name)
	for _, pattern := range inherited {
		stem, any := strings.CutSuffix(pattern, "*")
		if any && strings.HasPrefix(upper, stem) || upper == pattern {
			return true
		}
	}
	return false
}

// lookup finds a variable's last value.
func lookup(env []string, name string) string {
	value := ""
	for _, entry := range env {
		if rest, ok := strings.CutPrefix(entry, name+"="); ok {
			value = rest
		}
	}
	return value
}
