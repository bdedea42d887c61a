package policy

import (
	"context"
	"fmt"
	"slices"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Count says how many findings of the actor's tenant are open.
func (p *Policy) Count(ctx context.Context, actor access.Actor) (n int, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return 0, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		if own, all, err := inventory.Own(tx, actor); err != nil {
			return err
		} else if !all {
			n, err = countOwn(tx, actor.Tenant, own)
			return err
		}
		return tx.QueryRow(`SELECT count(*) FROM policy_finding WHERE tenant = $1 AND state = $2`, actor.Tenant, string(Open)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("cannot count the findings: %w", err)
	}
	return n, nil
}

// RuleCount says how many findings of a rule are open.
type RuleCount struct {
	Rule, Title string
	Severity    Severity // of the rule, if it does not weigh each finding by itself
	Open        int
}

// Counts says how many findings of each rule are open in the actor's tenant. Rules
// without any are left out.
func (p *Policy) Counts(ctx context.Context, actor access.Actor) (list []RuleCount, err error) {
	if err := actor.Check(access.ReadPolicy); err != nil {
		return nil, err
	}
	open := map[string]int{}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		own, all, err := inventory.Own(tx, actor)
		if err != nil {
			return err
		}
		if !all {
			return countRules(tx, actor.Tenant, own, open)
		}
		rows, err := tx.Query(`SELECT rule, count(*) FROM policy_finding WHERE tenant = $1 AND state = $2 GROUP BY rule`, actor.Tenant, string(Open))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var rule string
			var n int
			if err := rows.Scan(&rule, &n); err != nil {
				return err
			}
			open[rule] = n
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot count the findings: %w", err)
	}
	for _, r := range slices.Concat(Rules, Seen) {
		if n := open[r.Code]; n > 0 {
			list = append(list, RuleCount{Rule: r.Code, Title: r.Title, Severity: r.Severity, Open: n})
		}
	}
	return list, nil
}

func countRules(tx *store.Tx, tenant string, own map[inventory.ObjectID]bool, open map[string]int) error {
	for object := range own {
		list, err := list(tx, tenant, Query{State: Open, Application: object, Limit: 1000})
		if err != nil {
			return err
		}
		for _, f := range list {
			open[f.Rule]++
		}
	}
	return nil
}

func countOwn(tx *store.Tx, tenant string, own map[inventory.ObjectID]bool) (n int, err error) {
	for object := range own {
		var some int
		err := tx.QueryRow(`SELECT count(*) FROM policy_finding WHERE tenant = $1 AND state = $2 AND application = $3`, tenant, string(Open), string(object)).Scan(&some)
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}
