package main

import (
	"slices"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func rotationsCommand(s *session) *cobra.Command {
	return family("rotations", "What is being renewed, and what was",
		"Rotations, the steps they have taken and what was seen at each.",
		rotationsList(s), rotationsShow(s), rotationsWatch(s))
}

var rotationStates = []string{"open", "done", "refused", "cancelled", "void"}

func rotationsList(s *session) *cobra.Command {
	var q api.ListRotationsParams
	var state string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List rotations, the newest first",
		Long:    "Lists rotations, the newest first, with the step each is at and who is needed.",
		Example: `  rekey rotations list
  rekey rotations list --state open -o json --query "[?needs].id"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(rotationStates, state) {
				return usage("--state %s is not a state", state).next("choose one of open, done, refused, cancelled, void")
			}
			q.State = api.RotationState(state)
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Rotations(c.Context(), q), limit, s.progress(), "rotation")
			if err != nil {
				return err
			}
			t := rotationTable(found)
			t.none = "No rotation fits."
			return s.show(found, t)
		},
	}
	f := c.Flags()
	f.StringVar(&state, "state", "", "only in this `STATE`: open, done, refused, cancelled, void")
	f.StringVar(&q.Application, "app", "", "only of the application with this `OBJECT-ID`")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(rotationStates, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func rotationTable(found []api.Rotation) *table {
	t := &table{columns: []column{
		{name: "id", title: "ID"}, {name: "app_name", title: "Application", cut: true}, {name: "state", title: "State"},
		{name: "step", title: "Step"}, {name: "asked", title: "Asked"}, {name: "by", title: "By", cut: true},
		{name: "needs", title: "Needs", cut: true}, {name: "problem", title: "Why", cut: true},
		{name: "old_key_id"}, {name: "new_key_id"}, {name: "place"}, {name: "hash"}, {name: "ended"},
	}}
	for _, r := range found {
		issued := ""
		if r.Issued != nil {
			issued = r.Issued.KeyID
		}
		t.add(r.ID, r.Terms.Application.Name, string(r.State), r.Current, r.Asked, r.By.Name, r.Needs, r.Problem,
			r.Terms.Old.KeyID, issued, placeName(r.Terms.Place), r.Hash, r.Ended)
	}
	return t
}

func rotationsShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Everything of one rotation",
		Long:    "Tells everything of one rotation: its plan and hash, who asked and approved, each step\nwith what was seen, each consumer.",
		Example: "  rekey rotations show r-4k2v7q3m5x6a",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Rotation(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(r, func(p *sheet) { tellRotation(p, r) })
		},
	}
}

func tellRotation(p *sheet, r api.Rotation) {
	t := r.Terms
	p.fact("Rotation", "%s", r.ID)
	p.fact("State", "%s", r.State)
	p.fact("Waits for", "%s", r.Needs)
	p.fact("Why", "%s", r.Problem)
	p.moment("Looks again", r.Due)
	p.fact("Application", "%s", t.Application.Name)
	p.fact("Plan", "%s", planWords[t.Plan])
	p.fact(oldWord(t), "%s %s", t.Old.KeyID, t.Old.Label)
	p.moment("It ends", t.Old.Expires)
	if r.Issued != nil {
		p.fact("Issued", "%s, valid until %s", r.Issued.KeyID, r.Issued.Expires.UTC().Format("2006-01-02"))
	}
	tellTerms(p, t)
	p.fact("Reason", "%s", r.Reason)
	p.fact("Asked by", "%s", r.By.Name)
	p.moment("Asked", r.Asked)
	if r.Consent != nil {
		p.fact("Approved by", "%s", r.Consent.By.Name)
		p.moment("Approved", r.Consent.At)
	}
	tellOverride(p, r.Override)
	p.fact("Hash", "%s", r.Hash)
	tellOthers(p, t.Others)
	steps := &table{columns: []column{{title: "Step"}, {title: "State"}, {title: "Ended"}, {title: "Seen", cut: true}}}
	for _, step := range r.Steps {
		steps.add(step.Name, string(step.State), step.Ended, step.Evidence)
	}
	p.table("Steps", steps)
	consumers := &table{columns: []column{{title: "Consumer", cut: true}, {title: "Gets it from", cut: true}, {title: "Told"}, {title: "Moved"}, {title: "Known by, or why not", cut: true}}}
	for _, e := range r.Consumers {
		known := e.Proof
		if known == "" {
			known = e.Why
		}
		consumers.add(e.Consumer, e.Reference, e.Told, e.At, known)
	}
	p.table("Consumers", consumers)
}

func rotationsWatch(s *session) *cobra.Command {
	var timeout string
	c := &cobra.Command{
		Use:   "watch ID",
		Short: "Follow a rotation to its end",
		Long: `Shows each step of a rotation as it happens, until it has ended. Stopping the command
does not stop the rotation. Exit code 0 if the rotation is done, 5 if it ended otherwise
or --timeout passed.`,
		Example: `  rekey rotations watch r-4k2v7q3m5x6a
  rekey rotations watch r-4k2v7q3m5x6a --timeout 10m -o json`,
		Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := lengths(map[string]string{"--timeout": timeout}); err != nil {
				return err
			}
			s.carries = true
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Rotation(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.await(c.Context(), server, r, timeout)
		},
	}
	c.Flags().StringVar(&timeout, "timeout", "", "stay at most so long: `TIME`, 30m, 2d")
	return c
}
