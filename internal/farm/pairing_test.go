package farm

import (
	"strings"
	"testing"
)

func TestPairCodes(t *testing.T) {
	code := PairCode([6]byte{0, 1, 31, 32, 255, 7})
	if code != "AB9-A9H" {
		t.Errorf("code %q", code)
	}
	pin := strings.Repeat("ab", 32)
	letters := PairLetters(pin, code, "nonce")
	if len(letters) != 4 || letters != PairLetters(pin, "ab9a9h", "nonce") {
		t.Errorf("letters %q", letters)
	}
	for _, other := range []string{PairLetters(pin[1:]+"c", code, "nonce"), PairLetters(pin, "AB9-A9J", "nonce"), PairLetters(pin, code, "other")} {
		if other == letters {
			t.Errorf("the letters %q stay when what they are made of changes", letters)
		}
	}
	whole := WholeCode(code, letters)
	if whole != "AB9-A9H-"+letters || WholeCode(code, "") != code {
		t.Errorf("whole %q", whole)
	}
	for text, want := range map[string][2]string{
		code: {code, ""}, "ab9 a9h": {code, ""}, "AB9A9H": {code, ""}, " ab9-a9h ": {code, ""},
		whole: {code, letters}, strings.ToLower(strings.ReplaceAll(whole, "-", "")): {code, letters},
		"": {}, "AB9": {}, "AB9-A9": {}, "AB9-A9H-XY": {}, whole + "A": {}, strings.Repeat("é", 6): {},
	} {
		got, rest, err := SplitCode(text)
		if got != want[0] || rest != want[1] || (err != nil) != (want[0] == "") || err != nil && KindOf(err) != Invalid {
			t.Errorf("%q: %q %q %v", text, got, rest, err)
		}
	}
	if PairCommit("a") == PairCommit("b") || strings.Contains(PairCommit("nonce"), "nonce") {
		t.Error("a commitment that commits to nothing")
	}
}

func FuzzSplitCode(f *testing.F) {
	f.Add("ABC-DEF")
	f.Add("abc def ghjk")
	f.Add("\xff\xfe---")
	f.Fuzz(func(t *testing.T, text string) {
		code, letters, err := SplitCode(text)
		if err != nil {
			return
		}
		if again, rest, err := SplitCode(WholeCode(code, letters)); err != nil || again != code || rest != letters {
			t.Errorf("%q: %q %q, and again %q %q %v", text, code, letters, again, rest, err)
		}
	})
}

func TestProofs(t *testing.T) {
	a, b := TokenHash("nr_a"), TokenHash("nr_b")
	if TokenMark(a) == TokenMark(b) || len(TokenMark(a)) != 32 {
		t.Errorf("marks %q %q", TokenMark(a), TokenMark(b))
	}
	proof := Proof(a, "01", "tls x")
	if !SameProof(proof, Proof(a, "01", "tls x")) {
		t.Error("a proof is not itself")
	}
	for _, other := range []string{Proof(b, "01", "tls x"), Proof(a, "02", "tls x"), Proof(a, "01", "tls y"), Proof(a, "01\ntls", "x"), "", proof[:60]} {
		if SameProof(proof, other) {
			t.Errorf("%q passes for %q", other, proof)
		}
	}
}
