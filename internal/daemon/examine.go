package daemon

import (
	"context"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/replica"
)

// examine says whether the database keeps what was acknowledged, and whether the
// replicas that share it are well.
func (d *Daemon) examine(ctx context.Context) []diagnosis.Check {
	if d.store.Pool() == nil {
		return nil // each commit is synced; the data folder is looked at
	}
	const name = "Database"
	durability, err := d.store.Durability(ctx)
	if err != nil {
		return []diagnosis.Check{{Name: name, State: diagnosis.Failed, Detail: err.Error(), Cure: "look whether the database answers: rekey db status"}}
	}
	check := diagnosis.Check{Name: name, State: diagnosis.OK, Detail: "PostgreSQL; commits are durable"}
	if list := durability.Problems(); len(list) > 0 {
		check = diagnosis.Check{Name: name, State: diagnosis.Warning, Detail: strings.Join(list, "\n"), Cure: "change it in postgresql.conf, and reload the server"}
	}
	return append([]diagnosis.Check{check}, d.examineReplicas(ctx)...)
}

func (d *Daemon) examineReplicas(ctx context.Context) []diagnosis.Check {
	const name = "Replicas"
	list, err := replica.List(ctx, d.store)
	if err != nil {
		return []diagnosis.Check{{Name: name, State: diagnosis.Failed, Detail: err.Error()}}
	}
	alive, versions := 0, map[string]bool{}
	var silent []string
	for _, r := range list {
		switch {
		case r.Alive:
			alive++
			versions[r.Version] = true
		case r.Stopped.IsZero():
			silent = append(silent, fmt.Sprintf("%s on %s", r.ID, r.Host))
		}
	}
	check := diagnosis.Check{Name: name, State: diagnosis.OK, Detail: fmt.Sprintf("%d alive", alive)}
	switch {
	case len(silent) > 0:
		check.State, check.Detail = diagnosis.Warning, fmt.Sprintf("%d alive; silent without having been stopped: %s", alive, strings.Join(silent, ", "))
		check.Cure = "start it again, or forget it: after a week it is no longer listed"
	case len(versions) > 1:
		check.State, check.Detail = diagnosis.Warning, fmt.Sprintf("%d alive, with %d different versions", alive, len(versions))
		check.Cure = "bring all of them to the newest version"
	}
	return []diagnosis.Check{check}
}
