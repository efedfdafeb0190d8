package term

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// Prompt asks a question and reads the answer. It returns "" for a yes, and else
// what the answer was. When ctx ends first, the error is its cause; the reading
// goes on until the program ends.
func Prompt(ctx context.Context, in io.Reader, to *Folding, question string) (said string, err error) {
	fmt.Fprintf(to, "\n%s [y/N] ", question)
	if err := to.Flush(); err != nil {
		return "", err
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case a := <-answer:
		switch a {
		case "y", "yes":
			return "", nil
		case "":
			return "there was no answer", nil
		}
	}
	return "the answer was no", nil
}
