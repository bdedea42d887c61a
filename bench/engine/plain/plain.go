// Package plain is the eight-step workflow as somebody writes it who has a queue or
// a workflow engine and not rekey: eight functions, each of which makes its calls
// and returns what the next one needs. bench/engine runs it on River and on Temporal.
//
// The calls are those that rekey makes when all goes well, in the same order and
// number, through the same connectors. What is left out is what rekey is for: no
// intention is written before the request that must be sent once, no marker is
// looked for, nothing is compared with what was approved, no step looks again at
// what it did before it was interrupted. What a step knows goes to the next one
// in State, whose secret values are sealed.
package plain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey.example/rekey/bench/engine/town"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Steps are the names, in their order.
var Steps = []string{"approve", "issue", "verify", "deposit", "propagate", "overlap", "withdraw", "watch"}

// State is what one step leaves for the next, all of it durable.
type State struct {
	Subject  int       `json:"subject"`
	Old      string    `json:"old"`
	New      string    `json:"new,omitempty"`
	Sealed   string    `json:"sealed,omitempty"`
	Former   string    `json:"former,omitempty"`
	Version  string    `json:"version,omitempty"`
	Switched time.Time `json:"switched,omitzero"`
	Evidence []string  `json:"evidence"`
}

// Work is what the steps need.
type Work struct {
	Town   *town.Town
	Sealer *secret.Sealer
}

// Propose is the look that comes before an approval.
func (w *Work) Propose(ctx context.Context, subject int) (State, error) {
	s := w.Town.Subjects[subject]
	st := State{Subject: subject, Old: s.Old}
	list, err := w.Town.Directory.Credentials(ctx, s.Application)
	if err != nil {
		return st, err
	}
	if len(list) != 1 || list[0].KeyID != s.Old {
		return st, fmt.Errorf("%s has other credentials than expected", s.Application.Name)
	}
	d, err := w.Town.Vault.Get(ctx, s.Place.Name)
	st.Version = d.Version
	return st, err
}

// Step carries one step out.
func (w *Work) Step(ctx context.Context, name string, st State) (State, error) {
	s := w.Town.Subjects[st.Subject]
	evidence, err := "", error(nil)
	switch name {
	case "approve":
		evidence = "approved by Omar"
	case "issue":
		evidence, err = w.issue(ctx, s, &st)
	case "verify":
		evidence, err = w.verify(ctx, s, &st)
	case "deposit":
		evidence, err = w.deposit(ctx, s, &st)
	case "propagate":
		_, err = w.Town.Directory.Credentials(ctx, s.Application)
		evidence = s.Consumer() + " reads the entry by name, whose current version is the new one"
	case "overlap":
		evidence, err = w.overlap(ctx, s, &st)
	case "withdraw":
		evidence, err = w.withdraw(ctx, s, &st)
	case "watch":
		evidence, err = w.watch(ctx, s, &st)
	}
	st.Evidence = append(st.Evidence, name+": "+evidence)
	return st, err
}

func (w *Work) label(st *State, which string) string {
	return fmt.Sprintf("plain/%d/%s", st.Subject, which)
}

func (w *Work) issue(ctx context.Context, s town.Subject, st *State) (string, error) {
	if _, err := w.Town.Directory.Credentials(ctx, s.Application); err != nil {
		return "", err
	}
	c, v, err := w.Town.Directory.Issue(ctx, connector.Order{
		Holder: s.Application, Kind: inventory.ClientSecret, Label: "first", Marker: fmt.Sprintf("plain-%d", st.Subject), Expires: time.Now().AddDate(0, 0, 180),
	})
	if err != nil {
		return "", err
	}
	st.New, st.Sealed = c.KeyID, w.Sealer.Seal(w.label(st, "new"), v)
	return "secret " + c.KeyID + " made; value sealed", nil
}

func (w *Work) verify(ctx context.Context, s town.Subject, st *State) (string, error) {
	v, err := w.Sealer.Open(w.label(st, "new"), st.Sealed)
	if err != nil {
		return "", err
	}
	return "accepted 5 times in a row", w.signIn(ctx, s, v, 5)
}

func (w *Work) signIn(ctx context.Context, s town.Subject, v secret.Value, times int) error {
	for range times {
		if err := w.Town.Directory.SignIn(ctx, s.Application, v); err != nil {
			return err
		}
	}
	return nil
}

func (w *Work) deposit(ctx context.Context, s town.Subject, st *State) (string, error) {
	former, err := w.Town.Vault.Get(ctx, s.Place.Name)
	if err != nil {
		return "", err
	}
	if former.Version != st.Version {
		return "", errors.New("somebody else has changed the entry")
	}
	v, err := w.Sealer.Open(w.label(st, "new"), st.Sealed)
	if err != nil {
		return "", err
	}
	if _, err := w.Town.Vault.Put(ctx, s.Place.Name, connector.Deposit{Kind: inventory.ClientSecret, Value: v, Expires: time.Now().AddDate(0, 0, 180), Tags: map[string]string{"rotation": w.label(st, "")}}); err != nil {
		return "", err
	}
	back, err := w.Town.Vault.Get(ctx, s.Place.Name)
	if err != nil {
		return "", err
	}
	if !back.Value.Equal(v) {
		return "", errors.New("the vault gives something else back")
	}
	at, err := w.Town.Directory.Now(ctx)
	st.Former, st.Sealed, st.Version, st.Switched = w.Sealer.Seal(w.label(st, "old"), former.Value), "", back.Version, at
	return "version " + back.Version + " read back and compared", err
}

func (w *Work) overlap(ctx context.Context, s town.Subject, st *State) (string, error) {
	if _, err := w.Town.Directory.Credentials(ctx, s.Application); err != nil {
		return "", err
	}
	if err := w.serves(ctx, s, st, 1); err != nil {
		return "", err
	}
	at, err := w.Town.Directory.Now(ctx)
	return fmt.Sprintf("both secrets worked for %s", at.Sub(st.Switched)), err
}

// serves signs in with what consumers read.
func (w *Work) serves(ctx context.Context, s town.Subject, st *State, times int) error {
	d, err := w.Town.Vault.Get(ctx, s.Place.Name)
	if err != nil {
		return err
	}
	if d.Version != st.Version {
		return errors.New("somebody else has changed the entry")
	}
	return w.signIn(ctx, s, d.Value, times)
}

func (w *Work) withdraw(ctx context.Context, s town.Subject, st *State) (string, error) {
	if _, err := w.Town.Directory.Now(ctx); err != nil {
		return "", err
	}
	if _, err := w.Town.Directory.Credentials(ctx, s.Application); err != nil {
		return "", err
	}
	if err := w.serves(ctx, s, st, 3); err != nil {
		return "", err
	}
	return "secret " + st.Old + " withdrawn", w.Town.Directory.Withdraw(ctx, s.Application, st.Old)
}

// watch looks twice. It does not wait in between, as rekey does for a second.
func (w *Work) watch(ctx context.Context, s town.Subject, st *State) (string, error) {
	v, err := w.Sealer.Open(w.label(st, "old"), st.Former)
	if err != nil {
		return "", err
	}
	for _, refusals := range []int{5, 2} {
		if _, err := w.Town.Directory.Credentials(ctx, s.Application); err != nil {
			return "", err
		}
		if err := w.serves(ctx, s, st, 1); err != nil {
			return "", err
		}
		for range refusals {
			if err := w.signIn(ctx, s, v, 1); err == nil {
				return "", errors.New("the old secret is still accepted")
			} else if _, ok := errors.AsType[*connector.RejectedError](err); !ok {
				return "", err
			}
		}
	}
	st.Former = ""
	return "the old secret is refused 7 times in a row", nil
}
