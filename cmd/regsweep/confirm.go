package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks whether to go on where there is somebody to ask. Without a
// terminal gc goes ahead, since it removes only what nothing references.
func (j *job) confirm(ctx context.Context) (bool, error) {
	if j.yes || !j.interactive() {
		return true, nil
	}
	if err := j.writeTable(j.voice.w, j.newReport(false), false); err != nil {
		return false, err
	}
	fmt.Fprint(j.voice.w, "\nremove this? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(j.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, fmt.Errorf("%w; nothing has been removed", context.Cause(ctx))
	case a := <-answer:
		if a == "y" || a == "yes" {
			return true, nil
		}
	}
	j.voice.say("nothing has been removed")
	return false, nil
}

// interactive reports whether both stdin and stderr are terminals.
func (p *program) interactive() bool {
	return isTerminal(p.in) && isTerminal(p.voice.w)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
