package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsweep/regsweep/layout/layouttest"
)

// TestMain lets scripts call the program and the store builder as commands.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"regsweep": func() {
			// Nothing pushes to these stores, so there is nothing to wait for.
			p := &program{in: os.Stdin, out: os.Stdout, voice: &term.Voice{W: os.Stderr}, environ: os.Environ(), alone: true}
			os.Exit(p.main(os.Args[1:]))
		},
		"makestore": makeStore,
	})
}

// makeStore is "makestore DIR FILE".
func makeStore() {
	text, err := os.ReadFile(os.Args[2])
	if err == nil {
		_, err = layouttest.Build(os.Args[1], string(text), layouttest.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The scripts are the command line as its users meet it. Besides testscript's
// own commands they have "status N COMMAND ARGUMENT...", which runs a command
// that must end with a status, "json FIELD.FIELD N", which compares a number in
// the last command's report, and "makestore DIR FILE".
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus,
			"json":   scriptJSON,
		},
		RequireUniqueNames: true,
		ContinueOnError:    true,
	})
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine 1 ") { // whose status is 2
		ts.Fatalf("the program panicked")
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json FIELD.FIELD N")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, field := range strings.Split(args[0], ".") {
		object, _ := v.(map[string]any)
		v = object[field]
	}
	if got := fmt.Sprint(v); got != args[1] {
		ts.Fatalf("%s is %s, want %s", args[0], got, args[1])
	}
}
