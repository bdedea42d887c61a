package diagnosis

import (
	"context"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/store"
)

// Service is diagnosis for people: who may, what is written down of it, and the
// snapshots of environments.
type Service struct {
	Store        *store.DB
	Log          *audit.Log
	Inventory    *inventory.Service // may be nil: nothing is remembered
	Patient      Patient
	Environments []string // hosts of Finance and Operations environments
}

// Examiner is one that remembers what an actor may see of the inventory.
func (s *Service) Examiner(by access.Actor) *Examiner {
	e := &Examiner{Patient: s.Patient, Environments: s.Environments}
	if s.Inventory == nil {
		return e
	}
	e.Recall = Recall{
		Hint: func(ctx context.Context, hint string) ([]inventory.Recalled, error) {
			return s.Inventory.ByHint(ctx, by, hint)
		},
		Place: func(ctx context.Context, at inventory.Place) ([]inventory.Recalled, error) {
			return s.Inventory.ByPlace(ctx, by, at)
		},
		Find: func(ctx context.Context, text string) (inventory.Application, error) {
			t, err := s.Inventory.Resolve(ctx, by, text)
			return t.Application, err
		},
		Kept: func(ctx context.Context, objectID string) ([]inventory.Place, error) {
			_, rows, err := s.Inventory.Application(ctx, by, objectID)
			var places []inventory.Place
			for _, r := range rows {
				for _, d := range r.Places {
					places = append(places, d.Place)
				}
			}
			return places, err
		},
	}
	return e
}

// may reports an actor that is not permitted, or whose tenant this installation does
// not look after: to it, nothing here exists.
func (s *Service) may(by access.Actor, action access.Action) error {
	if err := by.Check(action); err != nil {
		return err
	}
	if !strings.EqualFold(by.Tenant, s.Patient.Tenant) {
		return fmt.Errorf("tenant %q: %w", by.Tenant, inventory.ErrNotFound)
	}
	return nil
}

// Diagnose walks the chain for an actor, and writes down that it did: which
// application and entry, and what it came to. The text and what was in it are not
// kept.
func (s *Service) Diagnose(ctx context.Context, by access.Actor, q Inquiry) (*Walk, error) {
	if err := s.may(by, access.RunDiagnosis); err != nil {
		return nil, err
	}
	walk, err := s.Examiner(by).Diagnose(ctx, q)
	if err != nil {
		return nil, err
	}
	e := audit.By(by, access.RunDiagnosis, clip(firstOf(walk.Facts.Client, walk.Facts.Vault, walk.Facts.Environment, "text"), 200), audit.Done)
	e.Detail = map[string]string{"answer": string(walk.Answer.Kind)}
	for name, v := range map[string]string{"cause": walk.Answer.Cause, "vault": walk.Facts.Vault, "entry": walk.Facts.Secret, "environment": walk.Facts.Environment} {
		if v != "" {
			e.Detail[name] = clip(v, 130)
		}
	}
	if err := s.Store.Do(ctx, func(tx *store.Tx) error { return s.Log.Record(tx, e) }); err != nil {
		return nil, fmt.Errorf("cannot record the diagnosis: %w", err)
	}
	return walk, nil
}

func firstOf(list ...string) string {
	for _, v := range list {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}
