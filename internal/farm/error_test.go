package farm

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestKindOf(t *testing.T) {
	base := Errorf(NotFound, "there is no job %d", 7)
	for _, c := range []struct {
		name string
		err  error
		want Kind
	}{
		{"nothing", nil, ""},
		{"a stranger", io.EOF, Internal},
		{"plain", base, NotFound},
		{"with a hint", base.WithHint("look again"), NotFound},
		{"wrapped", fmt.Errorf("claiming: %w", base), NotFound},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", base)), NotFound},
		{"joined", errors.Join(io.EOF, base), NotFound},
		{"the outermost counts", Errorf(Conflict, "the job ended: %w", base), Conflict},
		{"as text only", fmt.Errorf("claiming: %v", base), Internal},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestError(t *testing.T) {
	e := Errorf(NoRoom, "the disk is full: %w", io.ErrShortWrite)
	if e.Kind != NoRoom || e.Error() != "the disk is full: short write" || e.Text != e.Error() || e.Hint != "" {
		t.Errorf("%+v", e)
	}
	if !errors.Is(e, io.ErrShortWrite) {
		t.Error("the cause is lost")
	}
	if two := Errorf(NoRoom, "%w and %w", io.EOF, io.ErrShortWrite); !errors.Is(two, io.EOF) || !errors.Is(two, io.ErrShortWrite) {
		t.Error("one of two causes is lost")
	}
	hinted := e.WithHint("free %d GB", 3)
	if hinted.Hint != "free 3 GB" || e.Hint != "" || hinted.Text != e.Text || !errors.Is(hinted, io.ErrShortWrite) {
		t.Errorf("%+v of %+v", hinted, e)
	}
	if bare := (&Error{Kind: Internal, Err: io.EOF}); bare.Error() != "EOF" {
		t.Errorf("an error without a sentence says %q", bare)
	}
	var as *Error
	if err := fmt.Errorf("saving: %w", hinted); !errors.As(err, &as) || as.Hint != hinted.Hint {
		t.Error("the hint is lost on the way")
	}
}
