package term

import (
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// Where is how the registry was found, as flags of a command that is to find
// the same one.
type Where []string

// Command is a command line that can be pasted into a shell.
func (w Where) Command(args ...string) string {
	words := 1
	if len(args) > 1 && slices.Contains([]string{"trash", "policy", "protect", "pulls"}, args[0]) {
		words = 2
	}
	words = min(words, len(args))
	all := slices.Concat([]string{"regsweep"}, args[:words], w, args[words:])
	for i := range all {
		all[i] = ShellWord(all[i])
	}
	return strings.Join(all, " ")
}

// ShellWord quotes a word for a POSIX shell, if it needs that.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// mostHeadline is how many bytes of a command line are shown.
const mostHeadline = 1000

// CommandLine is the command line as it was given, for a shell.
func CommandLine(args []string) string {
	line := "regsweep"
	for i, arg := range args {
		if len(arg) > mostHeadline {
			arg = strings.ToValidUTF8(arg[:mostHeadline], "") + "..."
		}
		if line += " " + ShellWord(arg); len(line) > mostHeadline {
			if more := len(args) - i - 1; more > 0 {
				line += " ... and " + english.Plural(more, "more word", "")
			}
			break
		}
	}
	return line
}
