package keyvault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Maker has a Key Vault make key pairs, under a staging name of their own: what
// readers of the entry get does not change until the pair is proved and put there.
// The key can be read once it is made, and is in memory for as long as one that was
// made here.
type Maker struct {
	API  *rest.Client
	Name string // of the entry that the pair is for
}

var _ connector.PairMaker = (*Maker)(nil)

// longestName is how long the name of an entry may be.
const longestName = 127

// stage is the staging name: name--marker.
func (m *Maker) stage(marker string) string {
	behind := "--" + marker
	return m.Name[:max(0, min(len(m.Name), longestName-len(behind)))] + behind
}

// MakePair makes an RSA key of 2,048 bits and a self-signed certificate. The vault
// itself decides when it begins (ten minutes ago), and counts its life in months:
// it ends at the end given or up to a month later. Called again with the same
// marker it goes on with what there is.
func (m *Maker) MakePair(ctx context.Context, subject, marker string, _, ends time.Time) (secret.Value, error) {
	name := m.stage(marker)
	fail := func(err error) (secret.Value, error) {
		return secret.Value{}, fmt.Errorf("cannot make a key pair as %q: %w", name, err)
	}
	if subject == "" || strings.ContainsAny(subject, `,+"\<>;=#`) {
		return fail(errors.New("its name would have to be quoted"))
	}
	_, err := m.status(ctx, name)
	if errors.Is(err, connector.ErrNotFound) {
		err = m.create(ctx, name, policyFor(subject, ends), marker)
	}
	if err != nil && errors.Is(err, connector.ErrNotApplied) {
		return fail(err)
	}
	if waiting := m.wait(ctx, name); waiting != nil {
		return fail(errors.Join(err, waiting))
	}
	d, err := (&Vault{API: m.API}).Get(ctx, name)
	if err != nil {
		return fail(err)
	}
	defer d.Value.Zero()
	pair, err := secret.ParsePair(d.Value)
	if err != nil {
		return fail(err)
	}
	v, err := pair.PEM()
	if err != nil {
		return fail(err)
	}
	return v, nil
}

// policyFor asks for what an application signs in to Entra with.
func policyFor(subject string, ends time.Time) map[string]any {
	months := 1
	for now := time.Now(); now.AddDate(0, months, 0).Before(ends); {
		months++
	}
	return map[string]any{
		"key_props":    map[string]any{"exportable": true, "kty": "RSA", "key_size": 2048, "reuse_key": false},
		"secret_props": map[string]any{"contentType": pfxType},
		"x509_props": map[string]any{"subject": "CN=" + subject, "validity_months": months,
			"key_usage": []string{"digitalSignature"}, "ekus": []string{"1.3.6.1.5.5.7.3.2"}},
		"lifetime_actions": []any{map[string]any{"trigger": map[string]any{"lifetime_percentage": 99}, "action": map[string]any{"action_type": "EmailContacts"}}},
		"issuer":           map[string]any{"name": "Self"},
	}
}

func (m *Maker) create(ctx context.Context, name string, policy map[string]any, marker string) error {
	body, err := json.Marshal(map[string]any{"policy": policy, "tags": map[string]string{inventory.TagAttempt: marker}})
	if err != nil {
		return errors.Join(connector.ErrNotApplied, err)
	}
	return m.API.Once(ctx, rest.Request{Method: http.MethodPost, Path: rest.Path("certificates", name, "create") + apiVersion, Body: body}, nil)
}

// status is how far the making is: inProgress, completed, canceled, failed.
func (m *Maker) status(ctx context.Context, name string) (string, error) {
	var out struct {
		Status string `json:"status"`
	}
	err := m.API.Get(ctx, rest.Path("certificates", name, "pending")+apiVersion, &out)
	return out.Status, err
}

// wait returns when the pair is made. The vault takes some ten seconds.
func (m *Maker) wait(ctx context.Context, name string) error {
	for pause := time.Second; ; pause = min(pause*3/2, 5*time.Second) {
		status, err := m.status(ctx, name)
		switch {
		case err != nil:
			return err
		case status == "completed":
			return nil
		case status != "inProgress":
			return fmt.Errorf("the vault has given it up: %q", status)
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("the vault is not ready with it: %w", err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
