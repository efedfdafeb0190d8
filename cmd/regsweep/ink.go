package main

import (
	"runtime"
	"slices"
	"strings"
)

// ink marks text for people on terminals; anywhere else it leaves it as it is.
type ink struct{ on bool }

// ink is for a stream, unless --no-color, NO_COLOR or a dumb terminal says that
// there is to be none.
func (p *program) ink(c *common, stream any) ink {
	plain := slices.ContainsFunc(p.environ, func(e string) bool {
		value, ok := strings.CutPrefix(e, "NO_COLOR=")
		return ok && value != "" || e == "TERM=dumb"
	})
	// Consoles of Windows may show the codes.
	return ink{on: !plain && !c.noColor && runtime.GOOS != "windows" && isTerminal(stream)}
}

func (i ink) code(code, text string) string {
	if !i.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (i ink) bold(text string) string   { return i.code("1", text) }
func (i ink) dim(text string) string    { return i.code("2", text) }
func (i ink) red(text string) string    { return i.code("31", text) }
func (i ink) green(text string) string  { return i.code("32", text) }
func (i ink) yellow(text string) string { return i.code("33", text) }
