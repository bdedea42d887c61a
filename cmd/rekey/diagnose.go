package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

// longestPaste is what the server takes of a text.
const longestPaste = 256 << 10

func diagnoseCommand(s *session) *cobra.Command {
	var q api.DiagnosisRequest
	var all bool
	var secretFile string
	c := &cobra.Command{
		Use:   "diagnose [TEXT|-]",
		Short: "Find the first broken link behind an error, and its cure",
		Long: `Takes an error text as it was copied (a message, JSON, HTML, a whole log), or an
application, a vault entry or an endpoint, and walks the chain link by link: tenant,
application, credential, token, permissions, vault, network, rights, entry, consumer,
topic. It names the first broken link and the cure, and says so when two causes fit.

Secrets in the text are blacked out at once and never kept. Nothing is changed anywhere.

Exit code 0: nothing is broken. 1: a link is broken. 6: it cannot be told.`,
		Example: `  rekey diagnose "AADSTS7000222: The provided client secret keys for app ... are expired"
  pbpaste | rekey diagnose -
  rekey diagnose --app D365_Basware_InvoiceExport
  rekey diagnose --entry kv-contoso-prod/basware-secret
  rekey diagnose --endpoint contoso-prod.operations.dynamics.com/EVENTGRID
  rekey diagnose - --hint Xy8 --length 40 < error.log`,
		Args: takes("[TEXT|-]"),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if q.Text, err = pasted(args, s.in); err != nil {
				return err
			}
			if secretFile != "" {
				raw, err := os.ReadFile(secretFile)
				if err != nil {
					return failure(exitUsage, "cannot read %s: %v", secretFile, err)
				}
				q.Secret = string(raw) // as it is: a line end at its end may be the fault
				clear(raw)
			}
			if q.Text+q.Application+q.Entry+q.Endpoint == "" {
				return usage("there is nothing to diagnose").next("give the error text, or - for standard input, or --app, --entry or --endpoint")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			p := s.progress()
			p.at("looking")
			found, err := server.Diagnose(c.Context(), q)
			p.done()
			if err != nil {
				return err
			}
			if err := s.tell(found, func(p *sheet) { tellDiagnosis(p, found, all) }); err != nil {
				return err
			}
			return diagnosed(found.Answer)
		},
	}
	f := c.Flags()
	f.StringVar(&q.Application, "app", "", "client id, object id or name of the application that signs in")
	f.StringVar(&q.Entry, "entry", "", "vault entry that the program reads, VAULT/NAME")
	f.StringVar(&q.Endpoint, "endpoint", "", "ENVIRONMENT/ENDPOINT of Finance and Operations, or the host of a topic or namespace")
	f.StringVar(&q.Hint, "hint", "", "first three characters of the value that the program is configured with")
	f.IntVar(&q.Length, "length", 0, "its length")
	f.StringVar(&secretFile, "secret-file", "", "file with the value itself, as the program has it; it is tried and forgotten")
	f.BoolVar(&all, "all", false, "show all links with what was asked and answered")
	c.AddCommand(diagnoseRefreshCommand(s))
	return c
}

// pasted is the text of the argument, or of standard input.
func pasted(args []string, in io.Reader) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	if args[0] != "-" {
		return args[0], nil
	}
	raw, err := io.ReadAll(io.LimitReader(in, 16<<20))
	if err != nil {
		return "", failure(exitFailure, "cannot read standard input: %v", err)
	}
	if len(raw) > longestPaste { // of a log the end tells most
		raw = raw[len(raw)-longestPaste:]
	}
	return strings.ToValidUTF8(string(raw), " "), nil
}

// diagnosed is the exit code.
func diagnosed(a api.DiagnosisAnswer) error {
	switch a.Kind {
	case api.AnswerKindSound:
		return nil
	case api.AnswerKindFound, api.AnswerKindByText:
		return failure(exitFailure, "a link is broken: %s", a.Cause)
	}
	return failure(exitPartial, "it cannot be told yet")
}

func tellDiagnosis(p *sheet, d api.Diagnosis, all bool) {
	a := d.Answer
	switch a.Kind {
	case api.AnswerKindFound:
		p.line("FOUND  %s", visible(a.Title))
	case api.AnswerKindByText:
		p.line("THE TEXT SAYS  %s", visible(a.Title))
		p.line("It could not be looked at itself.")
	case api.AnswerKindUndecided:
		p.line("CANNOT TELL  %s", visible(a.Title))
	case api.AnswerKindSound:
		p.line("SOUND  %s", visible(a.Title))
	default:
		p.line("UNKNOWN  %s", visible(a.Title))
	}
	if len(a.Between) > 0 && a.Cause == "" {
		p.heading("It is one of")
		for _, o := range a.Between {
			p.line("- %s (%s)", visible(o.Title), o.Cause)
		}
	}
	if a.Question != "" {
		p.heading("This decides it")
		p.line("%s", visible(a.Question))
	}
	if a.Cure != "" {
		p.heading("What to do")
		for l := range strings.Lines(a.Cure) {
			p.line("%s", visible(strings.TrimRight(l, "\n")))
		}
	}
	if len(a.Remarks) > 0 {
		p.heading("Besides")
		for _, r := range a.Remarks {
			p.line("- %s", visible(r))
		}
	}
	p.heading("The chain")
	for _, l := range d.Links {
		if l.Verdict == api.LinkVerdictNotAsked && !all {
			continue
		}
		p.line("%-11s %s%s", strings.ReplaceAll(string(l.Verdict), "_", " "), l.Name, after(": ", visible(l.Found)))
		if !all {
			continue
		}
		for _, e := range l.Evidence {
			p.line("            asked %s: %s", visible(e.Asked), visible(e.Answered))
		}
	}
	if a.Source != "" || d.About.Correlation != "" {
		p.line("")
		p.fact("More", "%s", a.Source)
		p.fact("Correlation", "%s", d.About.Correlation)
	}
}

func diagnoseRefreshCommand(s *session) *cobra.Command {
	var take bool
	c := &cobra.Command{
		Use:   "refresh ENVIRONMENT",
		Short: "After a database refresh: what has to be set up again",
		Long: `Compares the business event endpoints of a Finance and Operations environment with the
last snapshot, and lists what has to be set up again, field by field. Take a snapshot
ahead of a refresh with --take; it holds no secret. The environment has to be listed
under diagnosis.environments.

Exit code 0: nothing has to be done. 1: something has.`,
		Example: `  rekey diagnose refresh contoso-uat.sandbox.operations.dynamics.com --take
  rekey diagnose refresh contoso-uat.sandbox.operations.dynamics.com`,
		Args: takes("ENVIRONMENT"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if take {
				kept, err := server.TakeSnapshot(c.Context(), args[0])
				if err != nil {
					return err
				}
				return s.tell(kept, func(p *sheet) {
					p.line("The snapshot of %s is kept: %s.", kept.Environment, plural(len(kept.Endpoints), "endpoint"))
				})
			}
			found, err := server.CompareRefresh(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := s.tell(found, func(p *sheet) { tellRefresh(p, found) }); err != nil {
				return err
			}
			if len(found.Work) > 0 {
				return failure(exitFailure, "%s to set up again", plural(len(found.Work), "endpoint"))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&take, "take", false, "keep how it is now, for a comparison later")
	return c
}

func tellRefresh(p *sheet, r api.RefreshComparison) {
	p.moment("Snapshot of", r.Before)
	p.fact("Unchanged", "%s", plural(r.Same, "endpoint"))
	for _, w := range r.Work {
		mark := ""
		if w.Warning {
			mark = "WARNING: "
		}
		p.heading(visible(w.Endpoint))
		p.line("%s%s", mark, visible(w.What))
		for _, f := range w.Enter {
			p.line("  %s", visible(f))
		}
	}
	p.heading("A refresh also does this")
	for _, a := range r.Also {
		p.line("- %s", visible(a))
	}
}
