package main

import (
	"runtime"
	"slices"
	"strings"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/spf13/cobra"
)

// ink is for a stream, unless --no-color, NO_COLOR or a dumb terminal says that
// there is to be none.
func (p *program) ink(c *common, stream any) term.Ink {
	plain := slices.ContainsFunc(p.environ, func(e string) bool {
		value, ok := strings.CutPrefix(e, "NO_COLOR=")
		return ok && value != "" || e == "TERM=dumb"
	})
	// Consoles of Windows may show the codes.
	return term.Ink{On: !plain && !c.noColor && runtime.GOOS != "windows" && term.IsTerminal(stream)}
}

// begin starts showing progress as --progress says.
func (p *program) begin(c *common) {
	live := c.progressMode == "auto" && term.IsTerminal(p.voice.W) && !slices.Contains(p.environ, "TERM=dumb")
	if c.quiet || c.progressMode == "none" || p.progress != nil {
		return
	}
	p.progress = term.StartProgress(p.voice, live)
}

// foldsOutput reports whether a command writes prose on stdout, and not names or
// JSON, which other programs read.
func foldsOutput(cmd *cobra.Command) bool {
	f := cmd.Flags()
	output, _ := f.GetString("output")
	quiet, _ := f.GetBool("quiet")
	whole, _ := f.GetBool("no-trunc")
	return output == "table" && !quiet && !whole
}
