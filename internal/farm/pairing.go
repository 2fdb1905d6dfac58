package farm

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A newcomer shows a code that a person carries to the farm. Where the master encrypts, four letters follow it, made of
// the key that the newcomer saw: had somebody stood between, with another key, they would not be those that the master
// makes of its own. So that whoever stands between cannot look for a key, or for a nonce, that happens to give the same
// letters, nobody may choose last: the newcomer commits itself to a nonce when it asks, the master answers with the code,
// and only then the newcomer says the nonce. What is left to chance is one in 1,048,576, once a code.

// codeLetters leaves out what looks alike.
const codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

const (
	codeLength   = 6
	checkLetters = 4
)

// PairCode makes a code of 6 random bytes: two groups of three letters.
func PairCode(random [codeLength]byte) string {
	return group(lettersOf(random[:]))
}

// PairCommit is what the newcomer says of its nonce at first.
func PairCommit(nonce string) string {
	sum := sha256.Sum256([]byte("netrender pairing\n" + nonce))
	return hex.EncodeToString(sum[:])
}

// PairLetters are the letters for the key with the pin.
func PairLetters(pin, code, nonce string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"netrender letters", pin, plainLetters(code), nonce}, "\n")))
	return lettersOf(sum[:checkLetters])
}

// WholeCode is a code as the newcomer shows it, with its letters if it has any.
func WholeCode(code, letters string) string { return group(plainLetters(code) + letters) }

// SplitCode reads a code as a person types it: case, dashes and blanks do not matter.
func SplitCode(text string) (code, letters string, err error) {
	if len(text) > 100 {
		text = text[:100]
	}
	all := plainLetters(text)
	if len(all) != codeLength && len(all) != codeLength+checkLetters || strings.Trim(all, codeLetters) != "" {
		return "", "", Errorf(Invalid, "%q is not a code", clip(text, 40)).WithHint("a newcomer shows it as ABC-DEF, or as ABC-DEF-GHJK")
	}
	return group(all[:codeLength]), all[codeLength:], nil
}

func lettersOf(random []byte) string {
	text := make([]byte, len(random))
	for i, b := range random {
		text[i] = codeLetters[int(b)%len(codeLetters)]
	}
	return string(text)
}

// plainLetters leaves out what people put between the letters.
func plainLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
}

func group(all string) string {
	parts := []string{all[:3], all[3:6]}
	if len(all) > codeLength {
		parts = append(parts, all[codeLength:])
	}
	return strings.Join(parts, "-")
}
