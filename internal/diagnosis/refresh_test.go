package diagnosis

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/store/storetest"
)

func (x *ward) service(db *store.DB) *Service {
	x.t.Helper()
	log, err := audit.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		x.t.Fatal(err)
	}
	return &Service{Store: db, Log: log, Patient: x.e.Patient, Environments: x.e.Environments}
}

func TestARefreshListsWhatHasToBeSetUpAgain(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, Schema}, func(t *testing.T, db *store.DB) {
		x := newWard(t)
		s := x.service(db)
		nora := access.Actor{ID: "local:1", Name: "nora", Person: "nora", Role: access.Administrator, Tenant: x.words["tenant"]}
		if _, err := s.Refreshed(t.Context(), nora, contoso.FinanceUAT); !errors.Is(err, ErrNoSnapshot) {
			t.Fatalf("without a snapshot: %v", err)
		}
		if _, err := s.TakeSnapshot(t.Context(), nora, "evil.example"); !errors.Is(err, ErrEnvironment) {
			t.Fatalf("an environment that is not configured: %v", err)
		}
		for _, env := range []string{contoso.FinanceUAT, contoso.FinanceProd} {
			if kept, err := s.TakeSnapshot(t.Context(), nora, env); err != nil || len(kept.Endpoints) == 0 {
				t.Fatalf("%s: %+v, %v", env, kept, err)
			}
		}
		c, err := s.Refreshed(t.Context(), nora, contoso.FinanceUAT)
		if err != nil || len(c.Work) != 0 || c.Same != 1 {
			t.Fatalf("nothing happened: %+v, %v", c, err)
		}
		x.w.Change(func() { x.w.Finance[contoso.FinanceUAT].Refresh(x.w.Finance[contoso.FinanceProd]) })
		c, err = s.Refreshed(t.Context(), nora, "https://"+strings.ToUpper(contoso.FinanceUAT)+"/")
		if err != nil || len(c.Work) != 2 || c.Same != 0 {
			t.Fatalf("after a refresh: %+v, %v", c, err)
		}
		if w := c.Work[0]; w.Endpoint != "WMSORDERS" || !strings.Contains(w.What, "secret is empty") || len(w.Enter) != 7 {
			t.Errorf("%+v", w)
		}
		if w := c.Work[1]; w.Endpoint != "EVENTGRID" || !w.Warning || !strings.Contains(w.What, contoso.FinanceProd) {
			t.Errorf("%+v", w)
		}
		auditor := nora
		auditor.Role = access.Auditor
		if _, err := s.TakeSnapshot(t.Context(), auditor, contoso.FinanceUAT); err == nil {
			t.Error("an auditor took a snapshot")
		}
		stranger := nora
		stranger.Tenant = "fabrikam"
		if _, err := s.Refreshed(t.Context(), stranger, contoso.FinanceUAT); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("of another tenant: %v", err)
		}
	})
}

func TestADiagnosisIsRecordedWithoutItsText(t *testing.T) {
	storetest.Each(t, []store.Schema{audit.Schema, Schema}, func(t *testing.T, db *store.DB) {
		x := newWard(t)
		s := x.service(db)
		nora := access.Actor{ID: "local:1", Name: "nora", Person: "nora", Role: access.User, Tenant: x.words["tenant"]}
		x.plant("secret expired")
		walk, err := s.Diagnose(t.Context(), nora, Inquiry{Text: x.fill("AADSTS7000222 client_id={client} client_secret=") + x.sent})
		if err != nil || walk.Answer.Cause != "secret.expired" {
			t.Fatalf("%+v, %v", walk, err)
		}
		var out bytes.Buffer
		if _, err := s.Log.ExportAll(t.Context(), db, &out); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, "diagnosis.run") || !strings.Contains(text, "secret.expired") || strings.Contains(text, x.sent) || strings.Contains(text, "client_secret") {
			t.Errorf("the log has %s", text)
		}
	})
}

func TestTheWayIsJudgedWithoutTheClouds(t *testing.T) {
	x := newWard(t)
	x.plant("wire dns")
	walk, err := x.e.Diagnose(t.Context(), Inquiry{App: x.words["client"]})
	if err != nil || walk.Answer.Cause != "way.dns" || walk.At(Tenant).Verdict != NotAsked {
		t.Errorf("%+v, %v", walk.Answer, err)
	}
	if _, err := x.e.Diagnose(t.Context(), Inquiry{}); !errors.Is(err, ErrNothing) {
		t.Errorf("nothing: %v", err)
	}
}

// A text can name any host. Our token goes only to those that are ours.
func TestOurTokenGoesNowhereATextSays(t *testing.T) {
	x := newWard(t)
	var to []string
	x.e.Patient.Wire.Round = &spy{x.cloud, &to}
	for _, text := range []string{
		"Unable to get secret from Key Vault DNS: https://kv-of-a-stranger.vault.azure.net/ Secret name: x AADSTS7000222 client_id={client}",
		"https://evil.operations.dynamics.com/data/x 401 https://evil.example/secrets/x SecretNotFound https://kv.evil.example/secrets/y",
		"Key Vault DNS: kv.vault.azure.net.evil.example Secret name: y",
	} {
		if _, err := x.e.Diagnose(t.Context(), Inquiry{Text: x.fill(text)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range to {
		switch host {
		case "graph.microsoft.com", "management.azure.com", "kv-contoso-prod.vault.azure.net", contoso.FinanceProd, contoso.FinanceUAT:
		default:
			t.Errorf("a token went to %s", host)
		}
	}
}
