package term

import (
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal, through an Output or a Folding.
func IsTerminal(stream any) bool {
	f := fileOf(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// Width is that of the terminal behind a stream, or 0.
func Width(stream any) int {
	if f := fileOf(stream); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 0
}

// fileOf is the file behind a stream, or nil.
func fileOf(stream any) *os.File {
	if o, ok := stream.(*Output); ok {
		stream = o.W
	}
	if f, ok := stream.(*Folding); ok {
		stream = f.W
	}
	f, _ := stream.(*os.File)
	return f
}
