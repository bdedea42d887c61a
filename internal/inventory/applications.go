package inventory

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// ApplicationQuery selects applications and service principals. Zero fields
// select all.
type ApplicationQuery struct {
	Name    string // part of it, or the whole client id or object id
	Owner   string // part of an owner's name or address, or the whole object id
	NoOwner bool
	Holder  HolderKind
	After   string // what the page before returned
	Limit   int    // 0 means 100, at most 1,000
}

const walkApplications = `SELECT ` + applicationColumns + ` FROM inventory_application
	WHERE tenant = $1 AND gone = 0 AND (fold, num) > ($2, $3)
	AND (CAST($4 AS TEXT) = '' OR holder = $4) AND (CAST($5 AS BIGINT) = 0 OR owned = 0)
	ORDER BY fold, num LIMIT $6`

// Applications lists applications by name. next is what to ask After for the
// next page, empty on the last.
func (s *Service) Applications(ctx context.Context, by access.Actor, q ApplicationQuery) (list []Application, next string, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	after, num, err := parseNameCursor(q.After)
	if err != nil {
		return nil, "", err
	}
	list = []Application{}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		f := finder{Service: s, tx: tx, number: number, by: by, Query: Query{App: q.Name, Owner: q.Owner}}
		only, chosen, err := f.choose()
		if err != nil {
			return err
		}
		step := q.Limit + 1
		if chosen {
			step = 2000
		}
		for {
			read, err := readApplications(tx, by.Tenant, walkApplications, number, after, num, string(q.Holder), flag(q.NoOwner), int64(step))
			if err != nil {
				return err
			}
			for _, a := range read {
				after, num = fold(a.Name), a.num
				if _, ok := only[a.num]; chosen && !ok {
					continue
				}
				if len(list) == q.Limit {
					return nil
				}
				list, next = append(list, a.Application), nameCursor(after, num)
			}
			if len(read) < step {
				next = ""
				return nil
			}
		}
	})
	if err != nil {
		return nil, "", fmt.Errorf("cannot list applications: %w", err)
	}
	return list, next, nil
}

func nameCursor(name string, num int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(num, 10) + " " + name))
}

func parseNameCursor(text string) (name string, num int64, err error) {
	if text == "" {
		return "", -1, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	first, name, found := strings.Cut(string(raw), " ")
	if err == nil && found {
		num, err = strconv.ParseInt(first, 10, 64)
	}
	if err != nil || !found {
		return "", 0, ErrCursor
	}
	return name, num, nil
}

func readApplications(tx *store.Tx, tenant, query string, arguments ...any) (list []application, err error) {
	rows, err := tx.Query(query, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		a, err := scanApplication(rows, tenant)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// Application is one application with what it holds. The id is its object id, or
// its client id, which means the app registration rather than its service
// principal.
func (s *Service) Application(ctx context.Context, by access.Actor, id string) (a Application, rows []Row, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return a, nil, err
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil {
			return err
		}
		wanted := strings.ToLower(strings.TrimSpace(id))
		set, err := numbers(tx, applicationsByID, number, look(wanted), wanted)
		if err != nil {
			return err
		}
		list, err := meant(tx, by.Tenant, number, set, "")
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(a application) bool { return !a.Visible(by) })
		if len(list) != 1 {
			return unclear(id, list)
		}
		a = list[0].Application
		held, err := loadCredentials(tx, by.Tenant, number, list[0].num, a.ObjectID)
		if err != nil {
			return err
		}
		var there []credential
		for _, c := range held {
			if c.gone == 0 {
				there = append(there, c)
			}
		}
		rows, err = s.rows(tx, by.Tenant, number, there)
		return err
	})
	if err != nil {
		return Application{}, nil, fmt.Errorf("cannot show application %q: %w", id, err)
	}
	return a, rows, nil
}
