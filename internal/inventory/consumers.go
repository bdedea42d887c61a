package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/store"
)

// Consumer is somebody who uses credentials.
type Consumer struct {
	Name         string
	Credentials  int
	Applications int       // whose credentials these are
	Ends         time.Time // of the credential that ends first; zero: none does
}

// ConsumerQuery selects consumers. Zero fields select all.
type ConsumerQuery struct {
	Name   string // part of it
	Shared bool   // that use credentials of several applications
	After  string // the folded name of the last one of the page before
	Limit  int    // 0 means 100, at most 1,000
}

// Consumers lists who uses credentials, by name, and whether there are more.
func (s *Service) Consumers(ctx context.Context, by access.Actor, q ConsumerQuery) (list []Consumer, more bool, err error) {
	if err := by.Check(access.ReadInventory); err != nil {
		return nil, false, err
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	q.Limit = min(q.Limit, 1000)
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		number, err := tenantNumber(tx, by.Tenant)
		if err != nil || number == 0 {
			return err
		}
		u, err := s.consumption(tx, by, number)
		if err != nil {
			return err
		}
		ids := u.page(q)
		if more = len(ids) > q.Limit; more {
			ids = ids[:q.Limit]
		}
		for _, id := range ids {
			c, err := u.consumer(tx, by.Tenant, number, id)
			if err != nil {
				return err
			}
			list = append(list, c)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("cannot list consumers: %w", err)
	}
	return list, more, nil
}

// page are the folded names of one page, and of one more if there is one.
func (u *consumption) page(q ConsumerQuery) (ids []string) {
	part := strings.ToLower(strings.TrimSpace(q.Name))
	for id := range u.by {
		if id > q.After && strings.Contains(id, part) && (!q.Shared || u.applications(id) > 1) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(len(ids), q.Limit+1)]
}

func (u *consumption) applications(id string) int {
	nums := map[int64]bool{}
	for c := range u.by[id] {
		nums[c.num] = true
	}
	return len(nums)
}

func (u *consumption) consumer(tx *store.Tx, tenant string, number int64, id string) (c Consumer, err error) {
	c = Consumer{Name: u.names[id], Credentials: len(u.by[id]), Applications: u.applications(id)}
	for key := range u.by[id] {
		held, err := credentialAt(tx, tenant, number, key.num, key.keyID)
		if err != nil {
			return c, err
		}
		if !held.Expires.IsZero() && (c.Ends.IsZero() || held.Expires.Before(c.Ends)) {
			c.Ends = held.Expires
		}
	}
	return c, nil
}
