package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/store"
)

// Snapshot is the endpoints of an environment at a time.
type Snapshot struct {
	Environment string
	Taken       time.Time
	By          string
	Endpoints   []Endpoint
}

// ErrNoSnapshot means that nothing is known of how an environment was before.
var ErrNoSnapshot = errors.New("no snapshot of this environment was taken before: take one ahead of the next refresh with rekey diagnose refresh ENVIRONMENT --take")

// ErrEnvironment means that an environment is not configured.
var ErrEnvironment = errors.New("the environment is not configured: add its host under diagnosis.environments")

// TakeSnapshot keeps how the endpoints of an environment are now.
func (s *Service) TakeSnapshot(ctx context.Context, by access.Actor, environment string) (Snapshot, error) {
	if err := s.may(by, access.TakeSnapshot); err != nil {
		return Snapshot{}, err
	}
	now, err := s.endpoints(ctx, by, environment)
	if err != nil {
		return Snapshot{}, err
	}
	e := audit.By(by, access.TakeSnapshot, now.Environment, audit.Done)
	e.Detail = map[string]string{"endpoints": fmt.Sprint(len(now.Endpoints))}
	return now, s.Store.Do(ctx, func(tx *store.Tx) error {
		if err := now.put(tx, by.Tenant); err != nil {
			return err
		}
		return s.Log.Record(tx, e)
	})
}

func (s *Service) endpoints(ctx context.Context, by access.Actor, environment string) (Snapshot, error) {
	host := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(environment), "https://"), "/"))
	if !slices.ContainsFunc(s.Environments, func(h string) bool { return strings.EqualFold(h, host) }) {
		return Snapshot{}, fmt.Errorf("%w (%s)", ErrEnvironment, clip(host, 100))
	}
	list, err := s.Examiner(by).Endpoints(ctx, host)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Environment: host, Taken: time.Now().UTC().Truncate(time.Millisecond), By: by.Name, Endpoints: list}, nil
}

// Work is something that has to be set up again after a refresh.
type Work struct {
	Endpoint string
	What     string   // what is wrong, in one sentence
	Enter    []string // the fields to enter, and their values where they are no secret
	Warning  bool     // it works, and should not: a sandbox that sends to production
}

// Comparison says what a refresh did to an environment's endpoints.
type Comparison struct {
	Environment string
	Before      Snapshot
	Now         time.Time
	Same        int    // endpoints that need nothing
	Work        []Work // what has to be done, in the order of the endpoints
	Also        []string
}

// Refreshed compares the endpoints of an environment with how they were, and lists
// what has to be set up again.
func (s *Service) Refreshed(ctx context.Context, by access.Actor, environment string) (c Comparison, err error) {
	if err := s.may(by, access.RunDiagnosis); err != nil {
		return c, err
	}
	now, err := s.endpoints(ctx, by, environment)
	if err != nil {
		return c, err
	}
	var before Snapshot
	others := map[string][]Endpoint{}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		if before, err = newestSnapshot(tx, by.Tenant, now.Environment); err != nil {
			return err
		}
		for _, h := range s.Environments {
			if one, err := newestSnapshot(tx, by.Tenant, strings.ToLower(h)); err == nil && !strings.EqualFold(h, now.Environment) {
				others[one.Environment] = one.Endpoints
			}
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	return compare(before, now, others), nil
}

// also is what a refresh does besides, whatever the endpoints.
// https://learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/database/database-refresh
var also = []string{
	"Microsoft Entra applications (System administration, Setup): they came with the other environment's database; look whether rekey's reader and the integrations are still listed",
	"batch jobs are withheld, and users besides the administrator are disabled: both are switched on by hand",
	"values of encrypted fields, such as passwords of connectors and of Azure Key Vault parameters, have to be entered again",
}

// compare lists what differs, endpoint by endpoint, in the order of before.
func compare(before, now Snapshot, others map[string][]Endpoint) Comparison {
	c := Comparison{Environment: now.Environment, Before: before, Now: now.Taken, Also: also}
	find := func(list []Endpoint, name string) *Endpoint {
		i := slices.IndexFunc(list, func(e Endpoint) bool { return strings.EqualFold(e.Name, name) })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	for _, was := range before.Endpoints {
		is := find(now.Endpoints, was.Name)
		switch {
		case is == nil:
			c.add(Work{Endpoint: was.Name, What: "it is gone: make it again", Enter: was.fields(true)})
		case len(was.differs(*is)) > 0:
			c.add(Work{Endpoint: was.Name, What: "changed: " + strings.Join(was.differs(*is), "; "), Enter: was.fields(true)})
		case is.HasSecret == "No":
			c.add(Work{Endpoint: was.Name, What: "its application secret is empty: an endpoint can only be saved with every field entered again", Enter: was.fields(true)})
		case was.Active == "Yes" && is.Active == "No":
			c.add(Work{Endpoint: was.Name, What: "it is not active: activate its events again"})
		default:
			c.Same++
		}
	}
	for _, is := range now.Endpoints {
		if find(before.Endpoints, is.Name) != nil {
			continue
		}
		w := Work{Endpoint: is.Name, What: "it was not there before: delete it, or give it this environment's own vault entry and topic"}
		for host, list := range others {
			if o := find(list, is.Name); o != nil && strings.EqualFold(o.Address, is.Address) && strings.EqualFold(o.Secret, is.Secret) && strings.EqualFold(o.Vault, is.Vault) {
				w.What, w.Warning = "it came from "+host+" and would send this environment's events to "+host+"'s topic: delete it", true
			}
		}
		c.add(w)
	}
	return c
}

func (c *Comparison) add(w Work) { c.Work = append(c.Work, w) }

// differs are the fields that are no longer what they were.
func (e Endpoint) differs(now Endpoint) (list []string) {
	for _, f := range []struct{ name, was, is string }{
		{"type", e.Type, now.Type}, {"address", e.Address, now.Address}, {"application", e.Client, now.Client},
		{"Key Vault DNS name", strings.TrimSuffix(e.Vault, "/"), strings.TrimSuffix(now.Vault, "/")}, {"Key Vault secret name", e.Secret, now.Secret},
	} {
		if !strings.EqualFold(f.was, f.is) {
			list = append(list, fmt.Sprintf("%s was %s and is %s", f.name, clip(f.was, 120), clip(f.is, 120)))
		}
	}
	return list
}

// fields are what has to be entered. The application's secret is known to nobody.
func (e Endpoint) fields(secret bool) []string {
	list := []string{
		"Endpoint name: " + e.Name, "Endpoint type: " + e.Type, "Queue, topic or endpoint URL: " + e.Address,
		"Microsoft Entra application ID: " + e.Client, "Key Vault DNS name: " + e.Vault, "Key Vault secret name: " + e.Secret,
	}
	if secret {
		list = append(list, "Application secret: from where it is kept (rekey applications show "+e.Client+" names the place), or a new one (rekey rotate "+e.Client+")")
	}
	return list
}
