package usage_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
)

// reader signs tokens of the reading identity.
type reader struct{ cloud *sim.Cloud }

func (r reader) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), r.cloud.Tenant()
	text, err := r.cloud.World().Signer.Sign(world.Claims{
		Audience: "https://graph.microsoft.com", TenantID: t.ID, AppID: t.Reader.ClientID, ObjectID: t.Reader.PrincipalID,
		NotBefore: now.Unix(), Expires: now.Add(time.Hour).Unix(), Roles: []string{"AuditLog.Read.All"},
	})
	return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, err
}

// A credential is used every morning for seven weeks; then somebody else has it. The
// sign-in log of the pretended Entra is read once a day, late as it is.
func TestAStolenSecretIsNoticedInTheSignInLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, err := sim.New(sim.Config{World: world.Config{Seed: 1, Lag: world.Lag{SignIn: 5 * time.Minute}}})
		if err != nil {
			t.Fatal(err)
		}
		defer cloud.Close()
		db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "rekey.db"), audit.Schema, inventory.Schema, policy.Schema, trail.Schema, trail.ReachSchema, usage.Schema)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		log, err := audit.New(make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		graph, err := rest.New(rest.Config{Base: "https://graph.microsoft.com", Transport: cloud.RoundTripper(sim.Hooks{}), Credential: reader{cloud}})
		if err != nil {
			t.Fatal(err)
		}
		meter := &usage.Meter{Store: db, Log: log}
		tr := &trail.Trail{Store: db, Log: log, Used: meter.Take, Settle: policy.Settle, Report: func(*store.Tx, *audit.Log, policy.Finding) error { return nil }}
		source := &entra.SignIns{Witness: &entra.Witness{Graph: graph}}
		demo, tenant, n := cloud.Tenant().Demo, cloud.Tenant().ID, 0
		use := func(address, city, country string) {
			cloud.World().Change(func() {
				n++
				cloud.World().Directory.AddSignIn(world.SignIn{
					ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Time: time.Now(), AppID: demo.ClientID, App: demo.Name, KeyID: demo.KeyID, Kind: "clientSecret",
					IP: address, City: city, Country: country, Resource: "Microsoft Graph",
				})
			})
		}
		read := func() {
			if _, err := tr.Read(t.Context(), tenant, source); err != nil {
				t.Fatal(err)
			}
		}
		for range 49 {
			use("20.50.1.7", "", "")
			time.Sleep(24 * time.Hour)
			read()
		}
		use("189.4.1.9", "Fortaleza", "BR")
		time.Sleep(10 * time.Minute)
		read()
		read()

		var findings []policy.Finding
		err = db.View(t.Context(), func(tx *store.Tx) (err error) {
			findings, err = policy.Standing(tx, tenant, usage.Rule)
			return err
		})
		if err != nil || len(findings) != 1 {
			t.Fatalf("got %+v, %v", findings, err)
		}
		if r := findings[0].Reason; !strings.Contains(r, "never before from BR") || !strings.Contains(r, "it came from NL") {
			t.Errorf("got %q", r)
		}
		e, err := meter.Evidence(t.Context(), access.Actor{ID: "x", Role: access.User, Tenant: tenant}, demo.KeyID, time.Now().Add(-3*24*time.Hour))
		if err != nil || e.Sketch.Uses != 50 || len(e.Users) != 2 || e.Users[0].Network != "189.4.1.0/24" || e.Users[0].City != "Fortaleza" {
			t.Errorf("got %+v, %v", e, err)
		}
		if len(e.Sources) != 1 || e.Sources[0].Name != entra.SignInLog || e.Sources[0].Through.IsZero() {
			t.Errorf("got %+v", e.Sources)
		}
	})
}
