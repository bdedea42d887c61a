package api

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/rbac"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/review"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
	"rekey.example/rekey/internal/view"
)

var testSchemas = []store.Schema{audit.Schema, access.Schema, access.DoorSchema, access.ScopeSchema, inventory.Schema, policy.Schema, rotation.Schema, rotation.IncidentSchema, Schema, schedule.Schema, delivery.Schema, diagnosis.Schema, alert.Schema, calendar.Schema, trail.Schema, trail.ReachSchema, usage.Schema, view.Schema}

// The application that requests are about, and its only secret.
var (
	basware = inventory.Application{
		Tenant: home, ObjectID: "aaaaaaaa-0000-4000-8000-000000000001", ClientID: "bbbbbbbb-0000-4000-8000-000000000001",
		Holder: inventory.InApplications, Name: "D365_Basware_InvoiceExport_PRD", Enabled: true, Owners: []inventory.Owner{{ObjectID: nora, Kind: "user", Name: "Nora"}},
	}
	ending = inventory.Credential{
		Tenant: home, Holder: basware.ObjectID, KeyID: "cccccccc-0000-4000-8000-000000000001", Kind: inventory.ClientSecret, Label: "invoice export",
		Hint: "abc", Starts: time.Now().AddDate(-1, 0, 0).UTC().Truncate(time.Second), Expires: time.Now().AddDate(0, 0, 6).UTC().Truncate(time.Second),
	}
)

// pretended is a directory with that one secret, and an empty vault.
func pretended(string, inventory.HolderKind) (rotation.Systems, error) {
	return rotation.Systems{
		Issuer: issuer{}, Now: func(context.Context) (time.Time, error) { return time.Now(), nil },
		Vault: func(string) (connector.Vault, error) { return vault{}, nil },
	}, nil
}

type issuer struct{}

func (issuer) Credentials(context.Context, inventory.Application) ([]inventory.Credential, error) {
	return []inventory.Credential{ending}, nil
}

func (issuer) Issue(context.Context, connector.Order) (inventory.Credential, secret.Value, error) {
	return inventory.Credential{}, secret.Value{}, errors.New("a test of requests issues nothing")
}

func (issuer) Withdraw(context.Context, inventory.Application, string) error {
	return errors.New("a test of requests withdraws nothing")
}

type vault struct{}

func (vault) Put(context.Context, string, connector.Deposit) (string, error) {
	return "", errors.New("a test of requests deposits nothing")
}

func (vault) Get(context.Context, string) (connector.Deposit, error) {
	return connector.Deposit{}, connector.ErrNotFound
}

// readings are Syncs that end at once.
type readings struct{ last wire.Sync }

func (r *readings) Start(by access.Actor, full bool) (wire.Sync, error) {
	if err := by.Check(access.SyncInventory); err != nil {
		return wire.Sync{}, err
	}
	r.last = wire.Sync{ID: "s-1", State: wire.SyncStateDone, Full: full, Phase: "done", Started: time.Now()}
	return r.last, nil
}

func (r *readings) List(tenant string) []wire.Sync {
	if tenant != home || r.last.ID == "" {
		return []wire.Sync{}
	}
	return []wire.Sync{r.last}
}

func (r *readings) Get(tenant, id string) (wire.Sync, <-chan struct{}) {
	if tenant != home || id != r.last.ID || id == "" {
		return wire.Sync{}, nil
	}
	ended := make(chan struct{})
	close(ended)
	return r.last, ended
}

// furnish gives the API what it needs besides the database.
func (h *house) furnish(c *Config) {
	h.inventory = &inventory.Service{Store: h.db}
	h.syncer = &inventory.Syncer{Store: h.db, Log: h.log}
	var err error
	if h.policy, err = policy.New(h.db, h.log, policy.Default()); err != nil {
		h.t.Fatal(err)
	}
	plan, err := schedule.New(schedule.Default(), schedule.Rules{})
	if err != nil {
		h.t.Fatal(err)
	}
	c.Schedule = &schedule.Service{Store: h.db, Log: h.log, Inventory: h.inventory, Schedule: plan}
	c.Inventory, c.Policy, c.Syncs = h.inventory, h.policy, &readings{}
	c.Desk = &delivery.Desk{Store: h.db, Log: h.log, Sees: func(ctx context.Context, by access.Actor, id string) (bool, error) {
		_, err := h.keeper.Get(ctx, by, id)
		return err == nil, nil
	}}
	h.furnishAlerts(c)
	c.Trail = &trail.Trail{Store: h.db, Log: h.log, Report: func(*store.Tx, *audit.Log, policy.Finding) error { return nil }, Settle: policy.Settle}
	c.Usage = &usage.Meter{Store: h.db, Log: h.log}
	c.Reviewer = h.reviewer()
	c.Views = &view.Views{Store: h.db, Log: h.log}
	c.Names = map[string]string{home: "Contoso"}
	c.Patient = diagnosis.Patient{Tenant: home, Wire: azure.Wire{Round: nowhere{}}}
	c.Diagnosis = &diagnosis.Service{Store: h.db, Log: h.log, Inventory: h.inventory, Patient: c.Patient}
}

// reviewer asks clouds that do not answer: what it says of them is part of its answer.
func (h *house) reviewer() *review.Reviewer {
	client := func(host string) *rest.Client {
		c, err := rest.New(rest.Config{Base: "https://" + host, Transport: nowhere{}})
		if err != nil {
			h.t.Fatal(err)
		}
		return c
	}
	return &review.Reviewer{Directory: &entra.Reach{Graph: client("graph.microsoft.com")}, Azure: &rbac.Reader{ARM: client("management.azure.com")}, Tenant: home}
}

// nowhere is a network on which nobody answers.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("a test of requests reaches nobody")
}

// live fills the house: an inventory, a reading, a rotation, a token.
func (h *house) live() {
	h.t.Helper()
	ctx := h.t.Context()
	if _, err := h.syncer.Directory(ctx, access.Rekey(home), true, feed{}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.policy.Check(ctx, access.Rekey(home)); err != nil {
		h.t.Fatal(err)
	}
	h.ask("administrator", "POST", "/v1/syncs", `{}`)
	proposed := decode[wire.Rotation](h.t, h.ask("user", "POST", "/v1/rotations", `{"application":"`+string(basware.ObjectID)+`","place":"embedded/basware-secret","reason":"ends soon"}`))
	h.rotation, h.hash = proposed.ID, proposed.Hash
	opened := decode[wire.Incident](h.t, h.ask("administrator", "POST", "/v1/incidents", `{"plan":"revoke","reason":"leaked","applications":["nobody"]}`))
	h.incident = opened.ID
	made := decode[wire.NewToken](h.t, h.ask("administrator", "POST", "/v1/tokens", `{"name":"to be revoked","role":"user"}`))
	h.revocable = made.Token.ID
	desk := &delivery.Desk{Store: h.db, Log: h.log}
	if err := desk.Tell(ctx, connector.Change{Rotation: h.rotation, Request: "q-1", Consumer: "Partner portal", Reference: "person:nora@contoso.com", Application: basware}); err != nil {
		h.t.Fatal(err)
	}
	tasks := decode[wire.TaskPage](h.t, h.ask("user", "GET", "/v1/tasks?state=pending", ""))
	h.task = tasks.Value[0].ID
	h.liveAlerts()
	found := decode[wire.FindingPage](h.t, h.ask("user", "GET", "/v1/findings", ""))
	h.finding = found.Value[0].ID
}

// feed is a directory with one application.
type feed struct{}

func (feed) Name() string { return "applications" }

func (feed) Full(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		yield(&inventory.Page{Records: []inventory.Record{{ObjectID: basware.ObjectID, Raw: []byte("1")}}, Mark: "m"}, nil)
	}
}

func (feed) Delta(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) { yield(&inventory.Page{Mark: "m"}, nil) }
}

func (feed) Read(_ []byte, o *inventory.Object) error {
	o.Application, o.Credentials = basware, []inventory.Credential{ending}
	o.Has = ^inventory.Fields(0)
	return nil
}
