package alert

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/store"
)

// message is one that is to be sent, or was.
type message struct {
	connector.Message
	channel, state, claim, problem string
	tries                          int
	due, began, ended              time.Time
}

const messageColumns = `id, channel, state, tries, due, began, ended, claim, problem, body`

func scanMessage(row interface{ Scan(...any) error }) (m message, err error) {
	var due, began, ended int64
	var id, body string
	if err := row.Scan(&id, &m.channel, &m.state, &m.tries, &due, &began, &ended, &m.claim, &m.problem, &body); err != nil {
		return m, err
	}
	if err := json.Unmarshal([]byte(body), &m.Message); err != nil {
		return m, fmt.Errorf("message %s cannot be read: %w", id, err)
	}
	m.due, m.began, m.ended = moment(due), moment(began), moment(ended)
	return m, nil
}

// nextMessage is the next one that is due on a channel without a pause; nil if
// there is none.
func nextMessage(tx *store.Tx, tenant string, at time.Time, held bool) (*message, error) {
	m, err := scanMessage(tx.QueryRow(`SELECT `+messageColumns+` FROM alert_message WHERE tenant = $1 AND state = $2 AND due <= $3
		AND (essential = 1 OR CAST($4 AS BIGINT) = 0) AND NOT EXISTS (SELECT 1 FROM alert_channel AS c WHERE c.tenant = alert_message.tenant AND c.name = alert_message.channel AND c.paused > $3)
		ORDER BY due, id LIMIT 1`, tenant, ready, millis(at), flag(held)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the next message: %w", err)
	}
	return &m, nil
}

// claimMessage is false if another process was first. The claim holds the process
// too, so that it knows its own again.
func claimMessage(tx *store.Tx, m *message, run string) (bool, error) {
	m.claim = run + "/" + m.claim
	result, err := tx.Exec(`UPDATE alert_message SET state = $3, claim = $4, began = $5, tries = $6 WHERE tenant = $1 AND id = $2 AND state = $7`,
		m.Tenant, m.ID, sending, m.claim, millis(m.began), m.tries, ready)
	if err != nil {
		return false, fmt.Errorf("cannot take message %s: %w", m.ID, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// holdMessage reports whether a message is still ours, and keeps it so until the
// end of the transaction.
func holdMessage(tx *store.Tx, m *message) (bool, error) {
	result, err := tx.Exec(`UPDATE alert_message SET claim = claim WHERE tenant = $1 AND id = $2 AND state = $3 AND claim = $4`, m.Tenant, m.ID, sending, m.claim)
	if err != nil {
		return false, fmt.Errorf("cannot look whose message %s is: %w", m.ID, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

func saveMessage(tx *store.Tx, m *message) error {
	_, err := tx.Exec(`UPDATE alert_message SET state = $3, due = $4, ended = $5, problem = $6 WHERE tenant = $1 AND id = $2`, m.Tenant, m.ID, m.state, millis(m.due), millis(m.ended), m.problem)
	if err != nil {
		return fmt.Errorf("cannot note what became of message %s: %w", m.ID, err)
	}
	return nil
}

// staleMessages are those that some process was sending which surely no longer is:
// it has had its time, or it is this one, which sends nothing at the moment.
func staleMessages(tx *store.Tx, tenant string, before time.Time, run string) (list []message, err error) {
	rows, err := tx.Query(`SELECT `+messageColumns+` FROM alert_message WHERE tenant = $1 AND state = $2 AND (began <= $3 OR substr(claim, 1, $5) = $4) ORDER BY id LIMIT 1000`,
		tenant, sending, millis(before), run+"/", len(run)+1)
	if err != nil {
		return nil, fmt.Errorf("cannot read which messages were being sent: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		m, err := scanMessage(rows)
		if err != nil {
			return nil, fmt.Errorf("cannot read which messages were being sent: %w", err)
		}
		list = append(list, m)
	}
	return list, rows.Err()
}
