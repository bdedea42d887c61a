package main

import (
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func syncCommand(s *session) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use:   "sync",
		Short: "Read the directory and the vaults",
		Long: `Reads applications, service principals, their credentials and owners from Microsoft
Graph, and the dates and tags of the entries in the configured vaults.

The first reading is full, later ones ask only for what changed. A reading that was
stopped goes on where it stopped. rekey keeps inside Graph's limits and waits when it
is asked to. What appeared, changed or went is in the audit log.

Exit code 6 means that some source could not be read; the others are up to date.`,
		Example: `  rekey sync
  rekey sync --full
  rekey sync -o json --query "counts.appeared"`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			started, err := server.StartSync(c.Context(), full)
			if err != nil {
				return err
			}
			last := started
			p := s.progress()
			defer p.done()
			for sync, err := range server.WatchSync(c.Context(), started.ID) {
				if err != nil {
					return err
				}
				last = sync
				p.at("%s: %s, %.0f a second, %.1f MB%s", sync.Phase, plural(sync.Counts.Read, "object"), sync.Rate, float64(sync.Counts.Bytes)/1e6, waited(sync))
			}
			p.done()
			return s.synced(last)
		},
	}
	c.Flags().BoolVar(&full, "full", false, "read everything again, not only what changed")
	return c
}

func waited(sync api.Sync) string {
	if sync.Counts.Waited == 0 {
		return ""
	}
	return ", waited " + plural(sync.Counts.Waited, "second") + " as asked"
}

// synced shows how a reading ended.
func (s *session) synced(sync api.Sync) error {
	n := sync.Counts
	t := &table{columns: []column{
		{name: "state", title: "State"}, {name: "read", title: "Read"}, {name: "appeared", title: "Appeared"},
		{name: "changed", title: "Changed"}, {name: "gone", title: "Gone"}, {name: "unchanged", title: "Unchanged"},
		{name: "pages"}, {name: "bytes"}, {name: "started"}, {name: "ended", title: "Ended"}, {name: "id"},
	}}
	t.add(string(sync.State), n.Read, n.Appeared, n.Changed, n.Gone, n.Unchanged, n.Pages, n.Bytes, sync.Started, sync.Ended, sync.ID)
	if err := s.show(sync, t); err != nil {
		return err
	}
	switch {
	case sync.State == api.SyncStateFailed && n.Read > 0:
		return failure(exitPartial, "not everything could be read: %s", sync.Problem).next("what was read is kept; rekey doctor tells what is missing, and the next rekey sync goes on from here")
	case sync.State == api.SyncStateFailed:
		return failure(exitFailure, "%s", sync.Problem).next("rekey doctor tells what is missing; the next rekey sync goes on from here")
	case sync.State == api.SyncStateStopped:
		return failure(exitPartial, "the reading was stopped: %s", sync.Problem).next("rekey sync goes on from here")
	case sync.Problem != "":
		return failure(exitPartial, "not everything could be read: %s", sync.Problem).next("rekey doctor tells what is missing")
	}
	return nil
}
