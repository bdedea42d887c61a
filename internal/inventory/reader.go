package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Reader is something that reads a vault entry, as the system it runs on tells.
type Reader struct {
	Place     Place  // Version is set if it is pinned to one
	Consumer  string // what people call it: the name of the app
	Reference string // as docs/reference/consumers.md has it
	Source    string // who tells: FromAppService
}

// FromAppService is the source of bindings that were read out of Key Vault references.
const FromAppService = "app service reference"

// ReaderFeed lists who reads vault entries.
type ReaderFeed interface {
	Name() string // stable and unique in the tenant
	Readers(ctx context.Context) iter.Seq2[[]Reader, error]
}

// Events about readers.
const (
	evReaderAppeared = "consumer.appeared"
	evReaderGone     = "consumer.gone"
)

// Readers reads who reads which vault entry. A feed that does not answer does
// not stop the others, and nothing that it told before is forgotten.
func (s *Syncer) Readers(ctx context.Context, by access.Actor, feeds ...ReaderFeed) (total Counts, err error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return total, err
	}
	began := time.Now()
	var failed []error
	for _, f := range feeds {
		counts, err := s.readers(ctx, by.Tenant, f)
		if err != nil {
			failed = append(failed, fmt.Errorf("cannot read %s: %w", f.Name(), err))
		}
		total.add(counts)
		if ctx.Err() != nil {
			break
		}
	}
	total.Took = time.Since(began)
	return total, errors.Join(failed...)
}

func (s *Syncer) readers(ctx context.Context, tenant string, f ReaderFeed) (counts Counts, err error) {
	var all []Reader
	whole := true
	var failure error
	for page, err := range f.Readers(ctx) {
		if err != nil {
			whole, failure = false, err
			break
		}
		counts.Pages++
		counts.Read += len(page)
		all = append(all, page...)
	}
	err = s.Store.Do(ctx, func(tx *store.Tx) error {
		number, err := enrolled(tx, tenant)
		if err != nil {
			return err
		}
		at, err := loadPosition(tx, number, f.Name())
		if err != nil {
			return err
		}
		w := &readerWriter{tx: tx, tenant: tenant, number: number, feed: f.Name(), walk: time.Now().UnixNano(), news: at.baseline != 0}
		if err := w.write(all, whole); err != nil {
			return err
		}
		counts.Appeared, counts.Gone = w.appeared, w.gone
		counts.Unchanged = counts.Read - w.appeared
		if whole {
			now := time.Now().UnixMilli()
			at.phase, at.fresh, at.whole = following, now, now
			if at.baseline == 0 {
				at.baseline = now
			}
		}
		return errors.Join(at.save(tx), s.Log.Record(tx, w.events...))
	})
	if err != nil {
		return Counts{}, err
	}
	return counts, failure
}

// readerWriter is the transaction that keeps what one feed told.
type readerWriter struct {
	tx             *store.Tx
	tenant         string
	number         int64
	feed           string
	walk           int64
	news           bool // everything was read once before: what differs is worth a record
	events         []audit.Event
	appeared, gone int
}

func (w *readerWriter) write(list []Reader, whole bool) error {
	before, err := w.known()
	if err != nil {
		return err
	}
	met := map[string]bool{}
	for _, r := range list {
		key := keyOf(r)
		if met[key] {
			continue
		}
		met[key] = true
		if _, is := before[key]; !is {
			w.appeared++
			w.tell(evReaderAppeared, r)
		}
		_, err := w.tx.Exec(`INSERT INTO inventory_reader (tenant, vault, fold, feed, reference, version, consumer, source, walk) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (tenant, vault, fold, feed, reference, version) DO UPDATE SET consumer = excluded.consumer, source = excluded.source, walk = excluded.walk`,
			w.number, strings.ToLower(r.Place.Vault), strings.ToLower(r.Place.Name), w.feed, r.Reference, r.Place.Version, r.Consumer, r.Source, w.walk)
		if err != nil {
			return fmt.Errorf("cannot write who reads %s: %w", r.Place, err)
		}
	}
	if !whole {
		return nil
	}
	for key, r := range before {
		if !met[key] {
			w.gone++
			w.tell(evReaderGone, r)
		}
	}
	if _, err := w.tx.Exec(`DELETE FROM inventory_reader WHERE tenant = $1 AND feed = $2 AND walk <> $3`, w.number, w.feed, w.walk); err != nil {
		return fmt.Errorf("cannot forget who reads no longer: %w", err)
	}
	return nil
}

func keyOf(r Reader) string {
	return strings.ToLower(r.Place.Vault+"/"+r.Place.Name) + "\x00" + r.Reference + "\x00" + r.Place.Version
}

func (w *readerWriter) known() (map[string]Reader, error) {
	list, err := scanReaders(w.tx, `SELECT vault, fold, version, consumer, reference, source FROM inventory_reader WHERE tenant = $1 AND feed = $2`, w.number, w.feed)
	if err != nil {
		return nil, err
	}
	known := map[string]Reader{}
	for _, r := range list {
		known[keyOf(r)] = r
	}
	return known, nil
}

func (w *readerWriter) tell(action string, r Reader) {
	if !w.news {
		return
	}
	e := audit.By(access.Rekey(w.tenant), access.Action(action), r.Place.Vault, audit.Seen)
	e.Title, e.Detail = r.Consumer, map[string]string{"name": r.Place.Name, "reference": r.Reference}
	if r.Place.Version != "" {
		e.Detail["version"] = r.Place.Version
	}
	w.events = append(w.events, e)
}

// readersOf are those who read a place, by name or in whatever version.
func readersOf(tx *store.Tx, number int64, p Place) ([]Reader, error) {
	return scanReaders(tx, `SELECT vault, fold, version, consumer, reference, source FROM inventory_reader WHERE tenant = $1 AND vault = $2 AND fold = $3 ORDER BY consumer, reference, version`,
		number, strings.ToLower(p.Vault), strings.ToLower(p.Name))
}

func scanReaders(tx *store.Tx, query string, args ...any) ([]Reader, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("cannot read who reads vault entries: %w", err)
	}
	defer rows.Close()
	var list []Reader
	for rows.Next() {
		var r Reader
		if err := rows.Scan(&r.Place.Vault, &r.Place.Name, &r.Place.Version, &r.Consumer, &r.Reference, &r.Source); err != nil {
			return nil, fmt.Errorf("cannot read who reads vault entries: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
