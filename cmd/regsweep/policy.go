package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/regsweep/regsweep/cmd/regsweep/internal/term"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/regsweep/regsweep/layout"
	"github.com/regsweep/regsweep/mark/retention"
)

func (p *program) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "policy",
		Short:   "look at retention policies",
		Long:    `A retention policy says which tags "regsweep prune" keeps.`,
		Example: `  regsweep policy check policy.yml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(&layout.HintError{Err: term.Quoted("there is no command policy %s", args[0]), Hint: "regsweep policy --help lists them"})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.policyCheckCommand())
	return cmd
}

func (p *program) policyCheckCommand() *cobra.Command {
	quiet := false
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "validate a retention policy",
		Long: `check reads a retention policy as prune --policy does, and lists everything that
is wrong with it, by line and column. It needs no store. - is standard input.` + plainStatusHelp,
		Example: `  regsweep policy check policy.yml
  regsweep policy check -q - < policy.yml    only the status, and errors`,
		Args: func(cmd *cobra.Command, args []string) error { return usage(cobra.ExactArgs(1)(cmd, args)) },
		RunE: func(_ *cobra.Command, args []string) error {
			policy, err := p.readPolicy(args[0])
			if err != nil || quiet {
				return err
			}
			_, err = fmt.Fprintf(p.out, "%s: a valid policy of %s that protects %s\n", term.Harmless(policyName(args[0])),
				english.Plural(len(policy.Rules), "rule", ""), english.Plural(len(policy.Protect), "name", ""))
			return err
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing about a valid policy")
	return cmd
}

// readPolicy reads a policy from a file or, named -, from standard input. What
// is wrong in it is wrong usage.
func (p *program) readPolicy(file string) (*retention.Policy, error) {
	content, err := p.readPolicyFile(file)
	if err != nil {
		return nil, err
	}
	policy, err := retention.Parse(policyName(file), content, time.Now())
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, one := range several.Unwrap() {
			errs = append(errs, usage(one))
		}
		return nil, errors.Join(errs...)
	}
	return policy, usage(err)
}

func policyName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

func (p *program) readPolicyFile(file string) ([]byte, error) {
	in := p.in
	switch info, err := os.Stat(file); {
	case file == "":
		return nil, usage(errors.New("the policy's file has an empty name"))
	case file == "-":
	case errors.Is(err, fs.ErrNotExist):
		return nil, term.Quoted("policy: there is no file %s: name one, or - for standard input; docs/policy.md has examples", file)
	case err != nil:
		return nil, fmt.Errorf("policy: %w", err)
	case !info.Mode().IsRegular():
		// Asked before it is opened, since opening a named pipe would wait for its writer.
		return nil, term.Quoted("policy %s is not a regular file", file)
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		defer f.Close()
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, retention.MaxPolicy+1))
	if err != nil {
		return nil, fmt.Errorf("read the policy %q: %w", file, err)
	}
	if len(content) > retention.MaxPolicy {
		return nil, usage(fmt.Errorf("policy %q is larger than %d bytes", file, retention.MaxPolicy))
	}
	return content, nil
}
