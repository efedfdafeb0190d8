package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks whether to go on where there is somebody to ask. Without a
// terminal gc goes ahead, since it removes only what nothing references.
func (j *job) confirm(ctx context.Context) (bool, error) {
	var failed error
	table := func() { failed = j.writeTable(j.voice.w, j.newReport(false), false) }
	yes, err := j.ask(ctx, j.yes, table, "remove this?", "nothing has been removed")
	return yes && failed == nil, errors.Join(err, failed)
}

// ask shows what is about to be done, and asks, unless the answer is known or
// there is nobody to ask.
func (p *program) ask(ctx context.Context, yes bool, show func(), question, nothing string) (bool, error) {
	if yes || !p.interactive() {
		return true, nil
	}
	show()
	fmt.Fprintf(p.voice.w, "\n%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(p.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, fmt.Errorf("%w; %s", context.Cause(ctx), nothing)
	case a := <-answer:
		if a == "y" || a == "yes" {
			return true, nil
		}
	}
	p.voice.say("%s", nothing)
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
