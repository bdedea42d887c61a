package inventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// VaultFeed lists what one vault holds.
type VaultFeed interface {
	Name() string // the vault's host
	Entries(ctx context.Context) iter.Seq2[[]Entry, error]
}

// Events about vault entries.
const (
	evEntryAppeared = "entry.appeared"
	evEntryChanged  = "entry.changed"
	evEntryGone     = "entry.gone"
)

// Vaults reads what vaults hold, and finds out which credential is kept where. A
// vault that does not answer does not stop the others; the error names each.
func (s *Syncer) Vaults(ctx context.Context, by access.Actor, feeds ...VaultFeed) (total Counts, err error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return total, err
	}
	began := time.Now()
	var failed []error
	for _, f := range feeds {
		v := &vaultReading{Syncer: s, tenant: by.Tenant, vault: f.Name(), walk: time.Now().UnixNano(), began: time.Now()}
		if err := v.read(ctx, f); err != nil {
			failed = append(failed, fmt.Errorf("cannot read vault %s: %w", v.vault, err))
		}
		total.add(v.counts)
		if ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		failed = append(failed, s.Match(ctx, by))
	}
	total.Took = time.Since(began)
	return total, errors.Join(failed...)
}

// vaultReading is one reading of one vault. Lists of vaults are short and have no
// position to go on from: after a crash it begins again.
type vaultReading struct {
	*Syncer
	tenant string
	vault  string
	walk   int64 // marks what this reading has met
	at     position
	counts Counts
	began  time.Time
}

// entriesTogether is how many entries are written in one transaction.
const entriesTogether = 500

func (v *vaultReading) read(ctx context.Context, f VaultFeed) error {
	err := v.Store.Do(ctx, func(tx *store.Tx) error {
		number, err := enrolled(tx, v.tenant)
		if err == nil {
			v.at, err = loadPosition(tx, number, v.vault)
		}
		return err
	})
	if err != nil {
		return err
	}
	var waiting []Entry
	for page, err := range f.Entries(ctx) {
		if err != nil {
			return errors.Join(err, v.write(ctx, waiting, false))
		}
		v.counts.Pages++
		if waiting = append(waiting, page...); len(waiting) < entriesTogether {
			continue
		}
		if err := v.write(ctx, waiting, false); err != nil {
			return err
		}
		waiting = waiting[:0]
	}
	return v.write(ctx, waiting, true)
}

// write keeps entries; the last time also what is gone and that the vault was read.
func (v *vaultReading) write(ctx context.Context, list []Entry, last bool) error {
	at, counts := v.at, v.counts
	err := v.Store.Do(ctx, func(tx *store.Tx) error {
		w := &vaultWriter{vaultReading: v, tx: tx, counts: v.counts}
		for i := range list {
			if err := w.entry(&list[i]); err != nil {
				return err
			}
		}
		at = v.at
		if last {
			if err := w.miss(); err != nil {
				return err
			}
			now := time.Now().UnixMilli()
			at.phase, at.fresh, at.whole = following, now, now
			if at.baseline == 0 {
				at.baseline = now
				w.events = append(w.events, w.event(evBaseline, Place{Vault: v.vault}, map[string]string{"objects": fmt.Sprint(w.counts.Read)}))
			}
		}
		if err := v.Log.Record(tx, w.events...); err != nil {
			return err
		}
		counts = w.counts
		return at.save(tx)
	})
	if err != nil {
		return err
	}
	v.at, v.counts = at, counts
	if v.Progress != nil {
		took := time.Since(v.began)
		p := Progress{Feed: v.vault, Phase: "reading the vault", Counts: v.counts, Rate: float64(v.counts.Read) / max(took.Seconds(), 0.001)}
		p.Took = took
		v.Progress(p)
	}
	return nil
}

// vaultWriter is one transaction of a vaultReading.
type vaultWriter struct {
	*vaultReading
	tx     *store.Tx
	counts Counts
	events []audit.Event
}

func (w *vaultWriter) event(action string, p Place, detail map[string]string) audit.Event {
	e := audit.By(access.Rekey(w.tenant), access.Action(action), p.Vault, audit.Seen)
	e.Title = p.String()
	e.Detail = detail
	return e
}

// tell records an event about an entry, with its version if that is new, and the
// rotation that says it wrote it.
func (w *vaultWriter) tell(action string, was, e *Entry) {
	if w.at.baseline == 0 {
		return
	}
	d := map[string]string{"name": e.Place.Name, "kind": e.Kind}
	if !e.Expires.IsZero() {
		d["expires"] = e.Expires.UTC().Format(time.RFC3339)
	}
	if action != evEntryGone && (was == nil || was.Place.Version != e.Place.Version) {
		d["version"] = e.Place.Version
		if r := e.Tags[TagRotation]; r != "" {
			d["rotation"] = short(r)
		}
	}
	w.events = append(w.events, w.event(action, e.Place, d))
}

const putEntry = `INSERT INTO inventory_entry (tenant, vault, name, kind, version, enabled, starts, expires, created, updated, content_type, tags, hint, fingerprint, thumbprint, walk, gone)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0)
	ON CONFLICT (tenant, vault, name, kind) DO UPDATE SET version = excluded.version, enabled = excluded.enabled, starts = excluded.starts, expires = excluded.expires,
	created = excluded.created, updated = excluded.updated, content_type = excluded.content_type, tags = excluded.tags, hint = excluded.hint,
	fingerprint = excluded.fingerprint, thumbprint = excluded.thumbprint, walk = excluded.walk, gone = 0`

func (w *vaultWriter) entry(e *Entry) error {
	w.counts.Read++
	was, err := loadEntry(w.tx, w.tenant, w.at.tenant, e)
	if err != nil {
		return err
	}
	switch {
	case was == nil:
		w.counts.Appeared++
		w.tell(evEntryAppeared, nil, e)
	case sameEntry(was, e):
		w.counts.Unchanged++
	default:
		w.counts.Changed++
		w.tell(evEntryChanged, was, e)
	}
	tags, err := json.Marshal(e.Tags)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(putEntry, w.at.tenant, e.Place.Vault, e.Place.Name, e.Kind, e.Place.Version, flag(e.Enabled), millis(e.Starts), endMillis(e.Expires),
		millis(e.Created), millis(e.Updated), e.ContentType, string(tags), e.Hint, e.Fingerprint, e.Thumbprint, w.walk)
	if err != nil {
		return fmt.Errorf("cannot write what %s holds: %w", e.Place, err)
	}
	return nil
}

func loadEntry(tx *store.Tx, tenant string, number int64, like *Entry) (*Entry, error) {
	e, err := scanEntry(tx.QueryRow(`SELECT `+entryColumns+` FROM inventory_entry WHERE tenant = $1 AND vault = $2 AND name = $3 AND kind = $4 AND gone = 0`,
		number, like.Place.Vault, like.Place.Name, like.Kind), tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what is known of %s: %w", like.Place, err)
	}
	return &e, nil
}

func sameEntry(a, b *Entry) bool {
	return a.Place == b.Place && a.Enabled == b.Enabled && a.ContentType == b.ContentType && maps.Equal(a.Tags, b.Tags) &&
		a.Hint == b.Hint && a.Fingerprint == b.Fingerprint && a.Thumbprint == b.Thumbprint &&
		millis(a.Starts) == millis(b.Starts) && millis(a.Expires) == millis(b.Expires) && millis(a.Updated) == millis(b.Updated)
}

// miss marks what this reading did not meet as gone.
func (w *vaultWriter) miss() error {
	lost, err := readEntries(w.tx, w.tenant, `SELECT `+entryColumns+` FROM inventory_entry WHERE tenant = $1 AND vault = $2 AND walk <> $3 AND gone = 0`, w.at.tenant, w.vault, w.walk)
	if err != nil {
		return err
	}
	for i := range lost {
		e := &lost[i]
		w.counts.Gone++
		w.tell(evEntryGone, nil, e)
		_, err := w.tx.Exec(`UPDATE inventory_entry SET gone = $5 WHERE tenant = $1 AND vault = $2 AND name = $3 AND kind = $4`,
			w.at.tenant, e.Place.Vault, e.Place.Name, e.Kind, time.Now().UnixMilli())
		if err != nil {
			return fmt.Errorf("cannot mark %s as gone: %w", e.Place, err)
		}
		if err := dropPlace(w.tx, w.at.tenant, e.Place); err != nil {
			return err
		}
	}
	return nil
}
