package notify

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/netrender/netrender/internal/farm"
)

// mostLines is how many messages are told one by one when several go together.
const mostLines = 10

// text is what people read of the messages.
func (s *Sender) text(write func(string) string, list []farm.Message) string {
	var b strings.Builder
	for i := range list {
		if i == mostLines {
			fmt.Fprintf(&b, "\n... and %d more", len(list)-mostLines)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(write(line(list[i].Text)))
		if list[i].Hint != "" && len(list) == 1 {
			b.WriteString("\n" + write(line(list[i].Hint)))
		}
		if link := s.link(&list[i]); link != "" {
			b.WriteString("\n" + link)
		}
	}
	return b.String()
}

// subject is the head of an e-mail.
func (s *Sender) subject(list []farm.Message) string {
	if len(list) == 1 {
		text := []rune(line(list[0].Text))
		if len(text) > 100 {
			text = append(text[:100], []rune("...")...)
		}
		return string(text)
	}
	return fmt.Sprintf("%s: %d times %s", line(s.opt.Farm), len(list), list[0].Kind.Noun())
}

// line is text that people chose, on one line, without what could make it look like other text.
func line(text string) string {
	return strings.Join(strings.FieldsFunc(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // turns the direction of what follows, or is not seen
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?")), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// blank is a character without width: what it parts is read as text and looks as it did.
const blank = "\u200b"

// bare is for services that take text as text.
func bare(text string) string { return text }

// markdown is for those that read Markdown, and names behind an @ as people to be called.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range parted(text) {
		if strings.ContainsRune("\\`*_~|[]()#>{}!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// slackText is for Slack: https://docs.slack.dev/messaging/formatting-message-text#escaping
func slackText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", blank+"*", "~", blank+"~", "`", blank+"`").Replace(colons(at(text)))
}

// pointed is for those that take text as text, but for names behind an @ and words in < >.
func pointed(text string) string { return strings.ReplaceAll(at(text), "<", "<"+blank) }

// parted has no tag, no name that calls somebody, and no address that somebody chose.
func parted(text string) string { return colons(pointed(text)) }

func at(text string) string { return strings.ReplaceAll(text, "@", "@"+blank) }

// colons parts those of addresses and of :pictures:.
func colons(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, ":", ":"+blank), ":"+blank+" ", ": ")
}
