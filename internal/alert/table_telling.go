package alert

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// telling is that somebody has to hear of an alert.
type telling struct {
	tenant, alert, occasion, channel, recipient string

	act   connector.Act
	due   time.Time
	again bool // they may have heard of it before
}

// The states of a telling: waiting, then packed into a message, then taken by the
// channel, unsure (nobody knows; told again, and marked), failed or dropped.
const (
	waiting = "waiting"
	packed  = "packed"
	taken   = "taken"
	unsure  = "unsure"
	failed  = "failed"
	dropped = "dropped"
)

func addTelling(tx *store.Tx, t telling) error {
	_, err := tx.Exec(`INSERT INTO alert_telling (tenant, alert, occasion, channel, recipient, act, state, due, again, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '') ON CONFLICT DO NOTHING`,
		t.tenant, t.alert, t.occasion, t.channel, t.recipient, string(t.act), waiting, millis(t.due), flag(t.again))
	if err != nil {
		return fmt.Errorf("cannot write down who hears of alert %s: %w", t.alert, err)
	}
	return nil
}

func flag(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// dropWaiting takes back what is in no message yet.
func dropWaiting(tx *store.Tx, tenant, alert string) error {
	_, err := tx.Exec(`UPDATE alert_telling SET state = $3 WHERE tenant = $1 AND alert = $2 AND state = $4`, tenant, alert, dropped, waiting)
	if err != nil {
		return fmt.Errorf("cannot take back what was to be told of alert %s: %w", alert, err)
	}
	return nil
}

// hasTold reports whether a channel was told of this round of an alert: only then
// there is something to end there.
func hasTold(tx *store.Tx, a *Alert, channel string) bool {
	var n int
	err := tx.QueryRow(`SELECT 1 FROM alert_telling WHERE tenant = $1 AND alert = $2 AND channel = $3 AND state IN ($4, $5, $6) AND act IN ('raised', 'escalated') LIMIT 1`,
		a.Tenant, a.ID, channel, packed, taken, unsure).Scan(&n)
	return err == nil
}

// dueTellings are those whose time has come, those of one channel and recipient
// after each other.
func dueTellings(tx *store.Tx, tenant string, at time.Time, held bool, limit int) (list []telling, err error) {
	rows, err := tx.Query(`SELECT alert, occasion, channel, recipient, act, due, again FROM alert_telling WHERE tenant = $1 AND state = $2 AND due <= $3
		AND (CAST($5 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM alert AS a WHERE a.tenant = $1 AND a.id = alert_telling.alert AND a.kind IN ('reconcile.held', 'audit.tampered', 'channel.dead')))
		ORDER BY channel, recipient, due, alert, occasion LIMIT $4`, tenant, waiting, millis(at), limit, flag(held))
	if err != nil {
		return nil, fmt.Errorf("cannot read what is to be told: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := telling{tenant: tenant}
		var due, again int64
		if err := rows.Scan(&t.alert, &t.occasion, &t.channel, &t.recipient, &t.act, &due, &again); err != nil {
			return nil, fmt.Errorf("cannot read what is to be told: %w", err)
		}
		t.due, t.again = moment(due), again != 0
		list = append(list, t)
	}
	return list, rows.Err()
}

// tellingsOf are those that a message carries.
func tellingsOf(tx *store.Tx, tenant, message string) (list []telling, err error) {
	rows, err := tx.Query(`SELECT alert, occasion, channel, recipient, act, due, again FROM alert_telling WHERE tenant = $1 AND message = $2 ORDER BY alert, occasion`, tenant, message)
	if err != nil {
		return nil, fmt.Errorf("cannot read what message %s tells: %w", message, err)
	}
	defer rows.Close()
	for rows.Next() {
		t := telling{tenant: tenant}
		var due, again int64
		if err := rows.Scan(&t.alert, &t.occasion, &t.channel, &t.recipient, &t.act, &due, &again); err != nil {
			return nil, fmt.Errorf("cannot read what message %s tells: %w", message, err)
		}
		t.due, t.again = moment(due), again != 0
		list = append(list, t)
	}
	return list, rows.Err()
}

func setTelling(tx *store.Tx, t telling, state, message string) error {
	_, err := tx.Exec(`UPDATE alert_telling SET state = $6, message = $7 WHERE tenant = $1 AND alert = $2 AND occasion = $3 AND channel = $4 AND recipient = $5`,
		t.tenant, t.alert, t.occasion, t.channel, t.recipient, state, message)
	if err != nil {
		return fmt.Errorf("cannot note what became of a telling: %w", err)
	}
	return nil
}

// keys are what receivers on a channel know an alert by: one for each step that
// they were told of.
func keys(tx *store.Tx, tenant, alert, channel string) (list []string, err error) {
	rows, err := tx.Query(`SELECT occasion FROM alert_telling WHERE tenant = $1 AND alert = $2 AND channel = $3 AND act IN ('raised', 'escalated') AND state <> $4 ORDER BY occasion`, tenant, alert, channel, dropped)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was told of alert %s: %w", alert, err)
	}
	defer rows.Close()
	for rows.Next() {
		var occasion string
		if err := rows.Scan(&occasion); err != nil {
			return nil, fmt.Errorf("cannot read what was told of alert %s: %w", alert, err)
		}
		list = append(list, keyOf(alert, occasion))
	}
	return list, rows.Err()
}
