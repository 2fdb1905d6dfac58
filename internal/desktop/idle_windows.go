package desktop

import (
	"context"
	"syscall"
	"time"
	"unsafe"
)

var (
	lastInput   = syscall.NewLazyDLL("user32.dll").NewProc("GetLastInputInfo")
	tickCount   = syscall.NewLazyDLL("kernel32.dll").NewProc("GetTickCount")
	sessionOf   = syscall.NewLazyDLL("kernel32.dll").NewProc("ProcessIdToSessionId")
	thisProcess = syscall.NewLazyDLL("kernel32.dll").NewProc("GetCurrentProcessId")
)

// Idle tells how long nobody used keyboard and mouse in the session of this program (GetLastInputInfo). A service is in
// a session that nobody uses, and does not know. The error is *Unusable.
func Idle(context.Context, Seat, time.Time) (time.Duration, error) {
	for _, p := range []*syscall.LazyProc{lastInput, tickCount, sessionOf, thisProcess} {
		if p.Find() != nil {
			return 0, errNoSeat
		}
	}
	var session uint32
	id, _, _ := thisProcess.Call()
	if ok, _, _ := sessionOf.Call(id, uintptr(unsafe.Pointer(&session))); ok == 0 || session == 0 {
		return 0, errNoSeat
	}
	last := struct{ size, tick uint32 }{size: 8}
	if ok, _, _ := lastInput.Call(uintptr(unsafe.Pointer(&last))); ok == 0 {
		return 0, errNoSeat
	}
	now, _, _ := tickCount.Call()
	return time.Duration(uint32(now)-last.tick) * time.Millisecond, nil // both wrap after 49.7 days
}
