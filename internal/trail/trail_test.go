package trail_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/office"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

var schemas = []store.Schema{audit.Schema, policy.Schema, trail.Schema, trail.ReachSchema}

// town is a pretended tenant with a trail of it.
type town struct {
	*testing.T
	cloud  *sim.Cloud
	db     *store.DB
	log    *audit.Log
	trail  *trail.Trail
	file   string
	audits *entra.Audits
	feed   *office.Feed
	hooks  sim.Hooks
}

var mallory = sim.Intruder{Name: "Mallory", UPN: "mallory@contoso.com", Address: "203.0.113.66"}

func newTown(t *testing.T, c world.Config) *town {
	t.Helper()
	cloud, err := sim.New(sim.Config{World: c})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{T: t, cloud: cloud, file: filepath.Join(t.TempDir(), "rekey.db")}
	if w.log, err = audit.New(make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	w.open()
	wire := cloud.RoundTripper(sim.Hooks{})
	graph := w.client(wire, "https://graph.microsoft.com", "AuditLog.Read.All")
	manage := w.client(wire, "https://manage.office.com", "ActivityFeed.Read")
	w.audits = &entra.Audits{Witness: &entra.Witness{Graph: graph}}
	w.feed = &office.Feed{API: manage, Tenant: cloud.Tenant().ID}
	return w
}

func (w *town) client(wire http.RoundTripper, base, role string) *rest.Client {
	w.Helper()
	c, err := rest.New(rest.Config{Base: base, Transport: wire, Credential: reader{w.cloud, base, role}})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// open opens the database, again after a crash.
func (w *town) open() {
	w.Helper()
	db, err := store.Open(w.Context(), w.file, schemas...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { db.Close() })
	w.db = db
	w.trail = &trail.Trail{Store: db, Log: w.log, Report: report, Settle: policy.Settle}
}

func report(tx *store.Tx, l *audit.Log, f policy.Finding) error {
	_, err := policy.Report(tx, l, f)
	return err
}

// reader signs tokens of the reading identity.
type reader struct {
	cloud          *sim.Cloud
	audience, role string
}

func (r reader) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	now, t := time.Now(), r.cloud.Tenant()
	text, err := r.cloud.World().Signer.Sign(world.Claims{
		Audience: r.audience, TenantID: t.ID, AppID: t.Reader.ClientID, ObjectID: t.Reader.PrincipalID,
		NotBefore: now.Unix(), Expires: now.Add(time.Hour).Unix(), Roles: []string{r.role},
	})
	return azcore.AccessToken{Token: text, ExpiresOn: now.Add(time.Hour)}, err
}

func (w *town) auditor() access.Actor {
	return access.Actor{ID: "x", Name: "Ines", Person: "ines", Role: access.Auditor, Tenant: w.cloud.Tenant().ID}
}

func (w *town) tenant() string { return w.cloud.Tenant().ID }

func (w *town) read(s connector.Recorder) trail.Cycle {
	w.Helper()
	c, err := w.trail.Read(w.Context(), w.tenant(), s)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *town) timeline(q trail.Query) []trail.Event {
	w.Helper()
	list, _, err := w.trail.Timeline(w.Context(), w.auditor(), q)
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *town) findings() []policy.Finding {
	w.Helper()
	var list []policy.Finding
	err := w.db.View(w.Context(), func(tx *store.Tx) (err error) {
		list, err = policy.Standing(tx, w.tenant(), trail.OutOfBand)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return list
}

func (w *town) source(name string) trail.Status {
	w.Helper()
	list, err := w.trail.Sources(w.Context(), w.auditor())
	if err != nil {
		w.Fatal(err)
	}
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	w.Fatalf("no source %q among %+v", name, list)
	return trail.Status{}
}

var _ = inventory.Embedded
