package man

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (r *roff) title(name string, b Build) {
	r.line(fmt.Sprintf(`.TH %s 1 "%s" "regsweep %s" "regsweep"`, Escape(strings.ToUpper(name)), b.Date, Escape(b.Version)))
	r.line(".nh")
	r.line(".ad l")
}

func (r *roff) section(heading string) {
	r.line(".SH " + heading)
	r.fresh = true
}

// text is a paragraph, in lines that are short enough for those who read the source.
func (r *roff) text(text string) {
	const width = 78
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(Escape(line))+1+len(Escape(word)) > width {
			r.line(notRequest(Escape(line)))
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		r.line(notRequest(Escape(line)))
	}
}

// item is a paragraph with a name before it.
func (r *roff) item(name, text string) {
	r.line(".TP")
	r.line(notRequest(`\fB` + Escape(name) + `\fR`))
	r.text(text)
}

// verbatim keeps lines as they are.
func (r *roff) verbatim(lines []string) {
	r.line(".nf")
	for _, line := range lines {
		r.line(notRequest(Escape(line)))
	}
	r.line(".fi")
}

var (
	heading = regexp.MustCompile(`^[A-Z][A-Z ]+$`)
	entry   = regexp.MustCompile(`^  (\S.*?)   *(\S.*)$`)
)

// cutSections splits a command's description from the sections after it.
func cutSections(long string) (description, sections string) {
	lines := strings.Split(long, "\n")
	for i, line := range lines {
		if heading.MatchString(line) {
			return strings.Join(lines[:i], "\n"), strings.Join(lines[i:], "\n")
		}
	}
	return long, ""
}

// prose is text as help has it: paragraphs, headings in capitals, and indented
// lists, each of whose lines is a name and what there is to say of it.
func (r *roff) prose(text string) {
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			if !r.fresh {
				r.line(".PP")
			}
			r.text(strings.Join(paragraph, " "))
		}
		paragraph = nil
	}
	for _, line := range strings.Split(text, "\n") {
		m := entry.FindStringSubmatch(line)
		switch {
		case line == "":
			flush()
		case heading.MatchString(line):
			flush()
			r.section(line)
		case m != nil:
			flush()
			r.item(m[1], m[2])
		case strings.HasPrefix(line, " "):
			flush()
			r.verbatim([]string{line})
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
}

func (r *roff) options(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	r.section("OPTIONS")
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, what := pflag.UnquoteUsage(f)
		name := `\fB` + Escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + Escape("-"+f.Shorthand) + `\fR, ` + name
		}
		if value != "" {
			name += ` \fI` + Escape(value) + `\fR`
		}
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" {
			what += " (default " + d + ")"
		}
		r.line(".TP")
		r.line(name)
		r.text(what)
	})
}

// Escape makes roff print a text as it is. A hyphen is a minus sign, so that
// flags can be copied from the page.
func Escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
}

// notRequest keeps a line of text from being taken for a request.
func notRequest(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}
