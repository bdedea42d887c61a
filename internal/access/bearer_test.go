package access_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

const (
	shop   = "4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77" // the application that people sign in to
	norasO = "11111111-2222-4333-8444-555555555555"
)

// TestPeoplesPrograms: a flow acts as the person whose connection it has, with the
// role that Entra gives them, and with nothing that asks for a fresh sign-in.
func TestPeoplesPrograms(t *testing.T) {
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	tenant, wire := cloud.Tenant().ID, cloud.RoundTripper(sim.Hooks{})
	db := storetest.SQLite(t, audit.Schema, access.Schema, access.DoorSchema, access.ScopeSchema)
	door := &access.Door{Store: db, Tenant: tenant}
	b := &access.Bearers{Door: door, Entra: access.NewEntra(access.EntraConfig{Tenant: tenant, ClientID: shop, Wire: wire}), Federation: access.NewFederation(tenant, nil, wire)}
	now := time.Now()
	base := map[string]any{
		"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0", "aud": shop, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"tid": tenant, "oid": norasO, "sub": "pairwise", "name": "Nora Keller", "preferred_username": "nora@contoso.com", "roles": []string{"administrator"}, "scp": "user_impersonation",
	}
	with := func(changes map[string]any) secret.Value {
		t.Helper()
		c := maps.Clone(base)
		for k, v := range changes {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
		text, err := cloud.World().Signer.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return secret.New(text)
	}

	for name, changes := range map[string]map[string]any{
		"the newer form": nil,
		"the older form": {"iss": "https://sts.windows.net/" + tenant + "/", "aud": "api://" + shop},
	} {
		a, err := b.Authenticate(t.Context(), with(changes))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.ID != access.EntraPerson(tenant, norasO) || a.Person != a.ID || a.Role != access.Administrator || a.Owner != norasO || a.Name != "Nora Keller" {
			t.Errorf("%s: %+v", name, a)
		}
		if err := a.Check(access.ApproveRotation); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := errors.AsType[*access.StepUpError](a.Check(access.OpenIncident)); !ok {
			t.Errorf("%s: an incident without a fresh sign-in", name)
		}
	}

	refused := map[string]map[string]any{
		"an id token":          {"scp": nil},
		"another scope":        {"scp": "User.Read"},
		"part of the scope":    {"scp": "user_impersonation2"},
		"for Graph":            {"aud": "00000003-0000-0000-c000-000000000000"},
		"for two":              {"aud": []string{shop, "api://other"}},
		"mixed forms":          {"aud": "api://" + shop},
		"mixed forms, older":   {"iss": "https://sts.windows.net/" + tenant + "/"},
		"another tenant":       {"tid": "22222222-2222-4333-8444-555555555555"},
		"another issuer":       {"iss": "https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555/v2.0"},
		"nobody":               {"oid": "nora"},
		"no role":              {"roles": nil},
		"a role of others":     {"roles": []string{"system"}},
		"ended":                {"exp": now.Add(-time.Hour).Unix(), "iat": now.Add(-2 * time.Hour).Unix(), "nbf": now.Add(-2 * time.Hour).Unix()},
		"not yet":              {"nbf": now.Add(time.Hour).Unix()},
		"without an end":       {"exp": nil},
		"a scope that is none": {"scp": []string{"user_impersonation"}},
	}
	for name, changes := range refused {
		if a, err := b.Authenticate(t.Context(), with(changes)); !errors.Is(err, access.ErrUnauthenticated) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	text := []byte(with(nil).Reveal())
	text[len(text)-10] ^= 1
	if _, err := b.Authenticate(t.Context(), secret.New(string(bytes.Clone(text)))); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("a broken signature: %v", err)
	}
	t.Logf("%d tokens refused", len(refused)+1)

	p, err := door.Meet(t.Context(), tenant, norasO, "Nora Keller", "nora@contoso.com", access.Administrator)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Do(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE access_person SET disabled = 1 WHERE id = $1`, p.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Authenticate(t.Context(), with(nil)); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("somebody who is locked out: %v", err)
	}
}
