"""How much memory this process holds, in bytes; 0 where the system does not say."""

from __future__ import annotations

import os
import sys


def usage() -> tuple[int, int]:
    """Now, and the highest since the process began."""
    if sys.platform == "win32":
        return _windows()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB elsewhere
    try:
        with open("/proc/self/statm", "rb") as file:
            now = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        now = 0
    return now, max(peak, now)


def _windows() -> tuple[int, int]:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h."""

        _fields_ = [("cb", wintypes.DWORD), ("faults", wintypes.DWORD)] + [
            (name, ctypes.c_size_t) for name in ("peak", "now", "paged_peak", "paged", "other_peak", "other", "file", "file_peak")
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    ask = kernel.K32GetProcessMemoryInfo
    ask.argtypes = [wintypes.HANDLE, ctypes.POINTER(Counters), wintypes.DWORD]
    if not ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
        return 0, 0
    return counters.now, counters.peak
