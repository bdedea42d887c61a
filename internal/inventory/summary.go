package inventory

import (
	"context"
	"fmt"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Summary counts what there is and how soon it ends.
type Summary struct {
	Applications, ServicePrincipals, Credentials, Entries int

	Expired int    // credentials whose end has passed
	Within  [3]int // that end within 7, 30 and 90 days, each without those before
	Later   int
	Endless int // of which the issuer told no end

	Unmanaged int // appeared without rekey
	Feeds     []Freshness
}

// Freshness says how old the picture of one feed is.
type Freshness struct {
	Feed     string
	Read     time.Time // when it was last read to its end
	Whole    time.Time // when it was last read as a whole
	Baseline time.Time // since when differences are recorded
	Running  bool      // a full reading is under way or was interrupted
}

// Summary counts the tenant's inventory.
func (s *Service) Summary(ctx context.Context, by access.Actor) (sum Summary, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return sum, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil || number == 0 {
			return err
		}
		if err := sum.read(tx, number); err != nil || !by.OnlyOwn() {
			return err
		}
		return sum.narrow(tx, by, number)
	})
	if err != nil {
		return Summary{}, fmt.Errorf("cannot count the inventory: %w", err)
	}
	return sum, nil
}

const countEnding = `SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND expires >= $2 AND expires < $3`

func (sum *Summary) read(tx *store.Tx, number int64) error {
	now := time.Now()
	day := func(n int) int64 { return now.AddDate(0, 0, n).UnixMilli() }
	for _, c := range []struct {
		into      *int
		query     string
		arguments []any
	}{
		{&sum.Applications, `SELECT count(*) FROM inventory_application WHERE tenant = $1 AND gone = 0 AND holder = $2`, []any{number, string(InApplications)}},
		{&sum.ServicePrincipals, `SELECT count(*) FROM inventory_application WHERE tenant = $1 AND gone = 0 AND holder = $2`, []any{number, string(InServicePrincipals)}},
		{&sum.Entries, `SELECT count(*) FROM inventory_entry WHERE tenant = $1 AND gone = 0`, []any{number}},
		{&sum.Unmanaged, `SELECT count(*) FROM inventory_credential WHERE tenant = $1 AND gone = 0 AND unmanaged <> 0`, []any{number}},
		{&sum.Expired, countEnding, []any{number, int64(-1 << 62), day(0)}},
		{&sum.Within[0], countEnding, []any{number, day(0), day(7)}},
		{&sum.Within[1], countEnding, []any{number, day(7), day(30)}},
		{&sum.Within[2], countEnding, []any{number, day(30), day(90)}},
		{&sum.Later, countEnding, []any{number, day(90), int64(noEnd)}},
		{&sum.Endless, countEnding, []any{number, int64(noEnd), int64(1 << 62)}},
	} {
		if err := tx.QueryRow(c.query, c.arguments...).Scan(c.into); err != nil {
			return err
		}
	}
	sum.Credentials = sum.Expired + sum.Within[0] + sum.Within[1] + sum.Within[2] + sum.Later + sum.Endless
	var err error
	sum.Feeds, err = freshness(tx, number)
	return err
}

func freshness(tx *store.Tx, number int64) (list []Freshness, err error) {
	rows, err := tx.Query(`SELECT feed, phase, fresh, whole, baseline FROM inventory_feed WHERE tenant = $1 ORDER BY feed`, number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var f Freshness
		var phase string
		var fresh, whole, baseline int64
		if err := rows.Scan(&f.Feed, &phase, &fresh, &whole, &baseline); err != nil {
			return nil, err
		}
		f.Read, f.Whole, f.Baseline = fromMillis(max(fresh, whole)), fromMillis(whole), fromMillis(baseline)
		f.Running = phase != following
		list = append(list, f)
	}
	return list, rows.Err()
}

// Freshness says how old the picture of each feed is.
func (s *Service) Freshness(ctx context.Context, by access.Actor) (list []Freshness, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil || number == 0 {
			return err
		}
		list, err = freshness(tx, number)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot tell how fresh the inventory is: %w", err)
	}
	return list, nil
}

// narrow counts only what is a user's own, as the lists show it to them. What the
// vaults hold is nobody's own.
func (sum *Summary) narrow(tx *store.Tx, by access.Actor, number int64) error {
	*sum = Summary{Feeds: sum.Feeds}
	own, err := ownNumbers(tx, number, by)
	if err != nil {
		return err
	}
	now := time.Now()
	for num := range own {
		a, err := loadApplication(tx, by.Tenant, number, num)
		if err != nil {
			return err
		}
		if a.gone != 0 {
			continue
		}
		switch a.Application.Holder {
		case InApplications:
			sum.Applications++
		case InServicePrincipals:
			sum.ServicePrincipals++
		}
		held, err := loadCredentials(tx, by.Tenant, number, num, a.ObjectID)
		if err != nil {
			return err
		}
		for _, c := range held {
			if c.gone == 0 {
				sum.count(c, now)
			}
		}
	}
	return nil
}

func (sum *Summary) count(c credential, now time.Time) {
	sum.Credentials++
	if c.unmanaged != 0 {
		sum.Unmanaged++
	}
	switch {
	case c.Expires.IsZero():
		sum.Endless++
	case c.Expires.Before(now):
		sum.Expired++
	case c.Expires.Before(now.AddDate(0, 0, 7)):
		sum.Within[0]++
	case c.Expires.Before(now.AddDate(0, 0, 30)):
		sum.Within[1]++
	case c.Expires.Before(now.AddDate(0, 0, 90)):
		sum.Within[2]++
	default:
		sum.Later++
	}
}
