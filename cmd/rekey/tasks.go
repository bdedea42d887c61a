package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func tasksCommand(s *session) *cobra.Command {
	c := family("tasks", "What people have to do so that rotations go on",
		`A consumer that no program can move is a person's task: put the new secret in its place,
by a deadline, and say how it is known that it is used. A task has reminders at half and
at nine tenths of its time, and goes to a backup when the time is over.`,
		tasksList(s), tasksShow(s), tasksLink(s), tasksDone(s))
	c.Aliases = []string{"task"}
	return c
}

var taskStates = []string{"pending", "open", "viewed", "escalated", "done", "dropped"}

func tasksList(s *session) *cobra.Command {
	var q api.ListTasksParams
	var state string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List tasks, the newest first",
		Long:    "Lists the tasks of people, the newest first: for which consumer, whom they wait for, until when.",
		Example: `  rekey tasks list
  rekey tasks list --state escalated -o json --query "[].asked"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(taskStates, state) && state != "all" {
				return usage("--state %s is not a state", state).next("choose one of all, " + strings.Join(taskStates, ", "))
			}
			if state != "all" {
				q.State = api.ListTasksParamsState(state)
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := take(server.Tasks(c.Context(), q), limit, s.progress(), "task")
			if err != nil {
				return err
			}
			return s.show(found, taskTable(found))
		},
	}
	f := c.Flags()
	f.StringVar(&state, "state", "pending", "only in this `STATE`: pending, open, viewed, escalated, done, dropped, all")
	f.StringVar(&q.Rotation, "rotation", "", "only of the rotation with this `ID`")
	f.IntVar(&limit, "limit", 0, "at most so `MANY` (0: all)")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(append([]string{"all"}, taskStates...), cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func taskTable(found []api.Task) *table {
	t := &table{none: "No task fits.", columns: []column{
		{name: "id", title: "ID"}, {name: "consumer", title: "Consumer", cut: true}, {name: "application", title: "Application", cut: true}, {name: "state", title: "State"},
		{name: "asked", title: "Asked", cut: true}, {name: "deadline", title: "By"}, {name: "rotation"}, {name: "reference"}, {name: "place"}, {name: "key_id"}, {name: "backup"}, {name: "note"},
	}}
	for _, k := range found {
		t.add(k.ID, k.Consumer, k.Application, string(k.State), k.Asked, k.Deadline, k.Rotation, k.Reference, k.Place, k.KeyID, k.Backup, k.Note)
	}
	return t
}

func tasksShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one task at length",
		Long:    "Shows what is to be done, who is asked, until when, and what has happened so far.",
		Example: "  rekey tasks show t-7f3k2m5x6abc",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := server.Task(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.tell(t, func(p *sheet) { tellTask(p, t) })
		},
	}
}

func tellTask(p *sheet, t api.Task) {
	p.fact("Task", "%s", t.ID)
	p.fact("State", "%s", t.State)
	p.fact("Consumer", "%s", t.Consumer)
	p.fact("What to do", "%s", t.Reference)
	p.fact("Application", "%s", t.Application)
	p.fact("New secret", "%s (%s)", t.KeyID, t.Place)
	p.fact("Rotation", "%s", t.Rotation)
	p.fact("Asked", "%s", t.Asked)
	p.fact("Backup", "%s", t.Backup)
	p.moment("Opened", t.Opened)
	p.moment("By", t.Deadline)
	p.moment("Value shown", t.Viewed)
	p.moment("Passed on", t.Escalated)
	p.moment("Ended", t.Ended)
	p.fact("Said by", "%s", t.By)
	p.fact("Note", "%s", t.Note)
	p.flush()
}

func tasksLink(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "link ID",
		Short: "Make a task's link, which shows the secret once",
		Long: `Makes the link of a task. Whoever opens it and presses the button sees the new secret,
once. The link before is dead, whether it was used or not. Send it to the person who is
asked and to nobody else; it ends by itself. The pages are those of a running rekey serve.`,
		Example: "  rekey tasks link t-7f3k2m5x6abc --server https://rekey.contoso.com",
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			made, err := server.LinkTask(c.Context(), args[0])
			if err != nil {
				return err
			}
			base := s.flags.server
			if base == "" {
				base, _ = s.env("REKEY_SERVER")
			}
			return s.tell(made, func(p *sheet) {
				p.fact("Link", "%s%s", strings.TrimSuffix(base, "/"), made.Path)
				p.fact("For", "%s", made.Task.Asked)
				p.moment("Ends", made.Expires)
				p.flush()
				p.line("")
				if base == "" {
					p.line("Put the address of your rekey server in front of it.")
				}
				p.line("It is not shown again, and shows the secret once.")
			})
		},
	}
}

func tasksDone(s *session) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use:   "done ID --note TEXT",
		Short: "Say that a task is done, and how that is known",
		Long: `Records your word that the consumer of a task uses the new secret. It is the evidence on
which the old secret is withdrawn in the end: say what you saw.`,
		Example: `  rekey tasks done t-7f3k2m5x6abc --note "signed in at 14:02 with the new key"`,
		Args:    takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if note == "" {
				return usage("say how you know: --note TEXT").next("for example --note \"signed in at 14:02\"")
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := server.FinishTask(c.Context(), args[0], note)
			if err != nil {
				return err
			}
			return s.show(t, taskTable([]api.Task{t}))
		},
	}
	c.Flags().StringVar(&note, "note", "", "how it is known: `TEXT`")
	return c
}
