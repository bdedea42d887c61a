package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/daemon"
)

func auditCommand(s *session) *cobra.Command {
	return family("audit", "Who did what, and the proof that nobody changed the record",
		`The audit log: who proposed, approved and refused, what rekey did at each step, and what
appeared in the directory without rekey. It is a Merkle tree whose head is signed at
every event; a changed, removed or reordered event does not verify.`,
		auditLog(s), auditTimeline(s), auditSources(s), auditClose(s), auditExport(s), auditVerify(s), auditCheckpoint(s))
}

func auditLog(s *session) *cobra.Command {
	var q api.ListAuditEventsParams
	var since string
	limit := 100
	c := &cobra.Command{
		Use:   "log",
		Short: "List events, the newest first",
		Long:  "Lists the audit log's events, the newest first. Values of secrets never are in it.",
		Example: `  rekey audit log
  rekey audit log --since 24h --action rotation.
  rekey audit log --since 2026-05-01 --limit 0 -o csv > may.csv
  rekey audit log --subject r-4k2v7q3m5x6a -o json`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = moment(since); err != nil {
				return err
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.AuditEvents(c.Context(), q), limit, s.progress(), "event")
			if err != nil {
				return err
			}
			t := &table{none: "No event fits.", columns: []column{
				{name: "seq", title: "Seq"}, {name: "time", title: "When"}, {name: "name", title: "Who", cut: true}, {name: "role"},
				{name: "action", title: "What"}, {name: "outcome", title: "Outcome"}, {name: "title", title: "To", cut: true},
				{name: "subject"}, {name: "detail", title: "Detail", cut: true}, {name: "actor"}, {name: "tenant"},
			}}
			for _, e := range found {
				t.add(e.Seq, e.Time, e.Name, string(e.Role), e.Action, string(e.Outcome), e.Title, e.Subject, details(e.Detail), e.Actor, e.Tenant)
			}
			return s.show(found, t)
		},
	}
	f := c.Flags()
	f.StringVar(&since, "since", "", "only since this `TIME`: 24h, 7d, 2026-05-01, 2026-05-01T08:00:00Z")
	f.StringVar(&q.Action, "action", "", "only this `ACTION`, or those that begin so: rotation.")
	f.StringVar(&q.Subject, "subject", "", "only about this `ID`: of a rotation, application, credential or token")
	f.StringVar(&q.Actor, "actor", "", "only by the actor with this `ID`")
	f.IntVar(&limit, "limit", limit, "at most so `MANY` (0: all)")
	return c
}

// moment reads a date, a time, or how long ago.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := daemon.ParseDuration(text); err == nil {
		return time.Now().Add(-d).UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage("--since %q is not a time", text).next("write 24h, 7d, 2026-05-01 or 2026-05-01T08:00:00Z")
}

func auditExport(s *session) *cobra.Command {
	var file string
	var signed bool
	c := &cobra.Command{
		Use:   "export [APPLICATION|CREDENTIAL|VAULT/NAME]",
		Short: "Write the log with its proofs as JSON lines, or evidence about one thing",
		Long: `Writes the whole log as JSON lines with a proof for every event and the signed head.
Anyone with rekey can verify the file, without the server: rekey audit verify FILE.

--signed writes a bundle of evidence: the timeline of what is named, with the clouds' own
records; rekey's whole log with its proofs; how complete each source was; and one signature
over all of it.`,
		Example: `  rekey audit export --output-file audit-2026-05.jsonl
  rekey audit export | gzip > audit.jsonl.gz
  rekey audit export --signed D365_Basware_InvoiceExport --output-file evidence.jsonl`,
		Args: takes("[APPLICATION|CREDENTIAL|VAULT/NAME]"),
		RunE: func(c *cobra.Command, args []string) error {
			if !signed && len(args) > 0 {
				return usage("the log is exported as a whole; evidence about %q is", args[0]).next("rekey audit export --signed " + args[0])
			}
			if signed {
				about := strings.Join(args, "")
				if file == "" {
					return s.exportSigned(c.Context(), about, s.out)
				}
				if err := replace(file, func(w io.Writer) error { return s.exportSigned(c.Context(), about, w) }); err != nil {
					return err
				}
				s.say("Written to %s. Check it anywhere with rekey audit verify %s.", file, file)
				return nil
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			if file == "" {
				return server.ExportAudit(c.Context(), s.out)
			}
			if err := replace(file, func(w io.Writer) error { return server.ExportAudit(c.Context(), w) }); err != nil {
				return err
			}
			s.say("Written to %s. Check it anywhere with rekey audit verify %s.", file, file)
			return nil
		},
	}
	c.Flags().StringVar(&file, "output-file", "", "write to this `FILE` instead of stdout")
	c.Flags().BoolVar(&signed, "signed", false, "a signed bundle of evidence: the timeline, the log, the state of the sources")
	return c
}

// replace writes a file whole or not at all: it appears under its name when
// everything is on the disk.
func replace(file string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".rekey-*") // CreateTemp uses mode 0600
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	defer os.Remove(f.Name())
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return nil
}

func auditVerify(s *session) *cobra.Command {
	var checkpoint, key string
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check that nobody changed the log",
		Long: `Recomputes the log and compares it with its signed heads. With a FILE an export, or a
bundle of evidence (rekey audit export --signed), is checked instead, without any server or
database. Any changed, removed or reordered event is found; exit code 1.

--checkpoint compares with a checkpoint that was kept outside (rekey audit checkpoint):
then even somebody who has the database and the signing key cannot have changed what it
covers. --key is the verifier key as you know it from elsewhere than the export.`,
		Example: `  rekey audit verify
  rekey audit verify --checkpoint last-month.txt
  rekey audit verify audit-2026-05.jsonl --key rekey.example/audit+0e5b3f4c+AQ...`,
		Args: takes("[FILE]"),
		RunE: func(c *cobra.Command, args []string) error {
			var kept string
			if checkpoint != "" {
				raw, err := os.ReadFile(checkpoint)
				if err != nil {
					return usage("cannot read the checkpoint: %v", err)
				}
				kept = string(raw)
			}
			if len(args) == 1 {
				return s.verifyFile(args[0], key, kept)
			}
			if key != "" {
				return usage("--key goes with a FILE; the server uses its own key")
			}
			return s.verifyServer(c.Context(), kept)
		},
	}
	f := c.Flags()
	f.StringVar(&checkpoint, "checkpoint", "", "`FILE` with a checkpoint that was kept outside")
	f.StringVar(&key, "key", "", "the verifier `KEY` to trust, for a FILE")
	return c
}

func (s *session) verifyServer(ctx context.Context, checkpoint string) error {
	server, err := s.connect(ctx)
	if err != nil {
		return err
	}
	v, err := server.VerifyAudit(ctx, checkpoint)
	if err != nil {
		return err
	}
	err = s.tell(v, func(p *sheet) {
		p.fact("Events", "%s", thousands(int(v.Events)))
		p.fact("Verdict", "%s", verdict(v.Ok))
		p.fact("Problem", "%s", v.Problem)
	})
	if err == nil && !v.Ok {
		return tampered(v.Problem)
	}
	return err
}

func (s *session) verifyFile(name, key, checkpoint string) error {
	f, err := os.Open(name)
	if err != nil {
		return failure(exitNotFound, "cannot read the export: %v", err)
	}
	defer f.Close()
	if ours, err := s.verifyBundle(f, key); ours || err != nil {
		return err
	}
	var kept []string
	if checkpoint != "" {
		kept = append(kept, checkpoint)
	}
	r, err := audit.VerifyExport(f, key, kept...)
	if errors.Is(err, audit.ErrNotExport) {
		return usage("%s: %v", name, err).next("rekey audit export writes one")
	}
	if err != nil && !errors.Is(err, audit.ErrTampered) {
		return err
	}
	shown := s.tell(r, func(p *sheet) {
		p.fact("Events", "%s", thousands(int(r.Events)))
		p.fact("Verdict", "%s", verdict(err == nil))
		for _, problem := range r.Problems {
			p.fact("Problem", "%s", problem)
		}
		p.fact("Signed by", "%s", r.Key)
		if !r.Trusted {
			p.fact("Mind", "this key is the file's own word; compare it with rekey audit checkpoint, or give --key")
		}
	})
	if shown == nil && err != nil {
		return tampered(err.Error())
	}
	return shown
}

func verdict(ok bool) string {
	if ok {
		return "verified: nothing was changed, removed or reordered"
	}
	return "NOT VERIFIED"
}

func tampered(what string) error {
	return failure(exitFailure, "the audit log does not verify: %s", what).
		next("keep the data folder and every export as they are, and find out who could write to them; what older checkpoints cover can still be proved")
}

func auditCheckpoint(s *session) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the signed head of the log, to keep it outside",
		Long: `Prints the signed head of the log. Keep it where rekey's administrators cannot write: in
a ticket, a mail, another tenant's storage. What it covers can never be changed unseen.`,
		Example: `  rekey audit checkpoint --output-file "checkpoint-$(date +%F).txt"
  rekey audit checkpoint -o json --query verifierKey`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			head, err := server.Checkpoint(c.Context())
			if err != nil {
				return err
			}
			if file != "" {
				return replace(file, func(w io.Writer) error {
					_, err := io.WriteString(w, head.Checkpoint)
					return err
				})
			}
			return s.tell(head, func(p *sheet) {
				p.line("%s", strings.TrimRight(head.Checkpoint, "\n"))
				p.line("")
				p.fact("Events", "%s", thousands(int(head.Events)))
				p.fact("Verifier key", "%s", head.VerifierKey)
			})
		},
	}
	c.Flags().StringVar(&file, "output-file", "", "write the checkpoint alone to this `FILE`")
	return c
}

// details are an event's particulars on one line, always in the same order.
func details(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, " ")
}
