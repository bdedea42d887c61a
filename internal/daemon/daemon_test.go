package daemon

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store/storetest"
)

func TestASyncIsWatchedToItsEnd(t *testing.T) {
	w := newTown(t, 0)
	s := w.sync()
	if s.State != wire.SyncStateDone || s.Counts.Read < 50 || s.Counts.Appeared == 0 || s.Ended.IsZero() || s.Problem != "" {
		t.Errorf("the reading ended as %+v", s)
	}
	list, err := w.local().Syncs(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != s.ID {
		t.Errorf("listed %+v, %v", list, err)
	}
	status, err := w.local().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tenant := status.Tenants[0]
	if tenant.Name != w.tenant.Name || tenant.Counts.Credentials == 0 || tenant.Counts.Entries == 0 || tenant.Expiring.Days7 == 0 || tenant.Findings == 0 || tenant.Stale {
		t.Errorf("status %+v", tenant)
	}
}

// as is a client with a token of its own.
func (w *town) as(name string, role wire.GivenRole) *client.Client {
	w.t.Helper()
	made, err := w.local().CreateToken(w.t.Context(), wire.TokenRequest{Name: name, Person: name + "@contoso.com", Role: role, Lifetime: "1d"})
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := w.daemon.As(secret.New(made.Secret))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// TestOneRotation is the product: two people, one ending secret, no outage.
func TestOneRotation(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { oneRotation(t, newTown(t, 0)) })
	t.Run("postgres", func(t *testing.T) {
		w := newTown(t, 0)
		w.close()
		w.config.Database = storetest.Address(t)
		w.open()
		oneRotation(t, w)
	})
}

func oneRotation(t *testing.T, w *town) {
	w.sync()
	nora, omar, ctx := w.as("nora", wire.GivenRoleAdministrator), w.as("omar", wire.GivenRoleAdministrator), t.Context()
	request := wire.RotationRequest{Application: w.tenant.Demo.Name, Reason: "ends on Friday"}
	plan, err := nora.Plan(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Terms.Old.KeyID != w.tenant.Demo.KeyID || plan.Terms.Place.Name != w.tenant.Demo.Secret || len(plan.Terms.Consumers) == 0 || len(plan.Steps) != 8 {
		t.Errorf("planned %+v", plan)
	}
	r, err := nora.Propose(ctx, request, "key-12345678")
	if err != nil {
		t.Fatal(err)
	}
	again, err := nora.Propose(ctx, request, "key-12345678")
	if err != nil || again.ID != r.ID {
		t.Errorf("the same request made %s after %s, %v", again.ID, r.ID, err)
	}
	if _, err := omar.Approve(ctx, r.ID, strings.Repeat("0", 64)); code(err) != "forbidden" {
		t.Errorf("another hash: %v", err)
	}
	if _, err := nora.Approve(ctx, r.ID, r.Hash); code(err) != "forbidden" {
		t.Errorf("by herself: %v", err)
	}
	if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for now, err := range nora.Watch(ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if r = now; len(seen) == 0 || seen[len(seen)-1] != now.Current {
			seen = append(seen, now.Current)
		}
	}
	if r.State != wire.RotationStateDone || r.Removed.IsZero() {
		t.Fatalf("it ended %s: %s; seen %q", r.State, r.Problem, seen)
	}
	for _, s := range r.Steps {
		if s.State != wire.StepStateDone || s.Evidence == "" {
			t.Errorf("step %+v", s)
		}
	}
	if len(seen) < 3 {
		t.Errorf("the watch saw only %q", seen)
	}
	ines := w.as("ines", wire.GivenRoleAuditor)
	v, err := ines.VerifyAudit(ctx, "")
	if err != nil || !v.Ok {
		t.Errorf("the log: %+v, %v", v, err)
	}
	var out strings.Builder
	if err := ines.ExportAudit(ctx, &out); err != nil {
		t.Fatal(err)
	}
	if report, err := audit.VerifyExport(strings.NewReader(out.String()), w.daemon.log.VerifierKey()); err != nil || report.Events != v.Events {
		t.Errorf("the export: %+v, %v", report, err)
	}
	w.sync()
	detail, err := nora.Credential(ctx, r.Issued.KeyID)
	if err != nil || len(detail.Rotations) != 1 || len(detail.Credential.Places) != 1 || !detail.Credential.Unmanaged.IsZero() {
		t.Errorf("the new credential: %+v, %v", detail, err)
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestClosingAndOpeningGoesOn(t *testing.T) {
	w := newTown(t, 0)
	w.sync()
	nora, omar, ctx := w.as("nora", wire.GivenRoleAdministrator), w.as("omar", wire.GivenRoleAdministrator), t.Context()
	r, err := nora.Propose(ctx, wire.RotationRequest{Application: w.tenant.Demo.Name}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := omar.Approve(ctx, r.ID, r.Hash); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w.daemon.Work()
		time.Sleep(50 * time.Millisecond)
		w.close()
		w.open()
		r, err = w.local().Rotation(ctx, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if r.State != wire.RotationStateOpen {
			break
		}
	}
	for now, err := range w.local().Watch(ctx, r.ID) {
		if err != nil {
			t.Fatal(err)
		}
		r = now
	}
	if r.State != wire.RotationStateDone || len(r.Attempts) != 1 {
		t.Errorf("it ended %s after %d attempts: %s", r.State, len(r.Attempts), r.Problem)
	}
}

func TestAServerTellsWhereItIs(t *testing.T) {
	w := newTown(t, 0)
	made, err := w.local().CreateToken(t.Context(), wire.TokenRequest{Name: "x", Role: wire.GivenRoleAuditor})
	if err != nil {
		t.Fatal(err)
	}
	opened, done := make(chan string, 1), make(chan error, 1)
	ctx, stop := contextOf(t)
	go func() {
		done <- w.daemon.Serve(ctx, Serving{Listen: "127.0.0.1:0", Opened: func(a string) error { opened <- a; return nil }})
	}()
	address := <-opened
	remote, err := client.New(client.Config{Server: address, Token: func() string { return made.Secret }})
	if err != nil {
		t.Fatal(err)
	}
	me, err := remote.Me(t.Context())
	if err != nil || me.Actor.Role != wire.RoleAuditor || me.Actor.Tenant != w.tenant.ID {
		t.Errorf("me %+v, %v", me, err)
	}
	if err := remote.ExportAudit(t.Context(), io.Discard); err != nil {
		t.Errorf("export over the network: %v", err)
	}
	for _, path := range []string{"/handover/a-link-of-nobody", "/openapi.json", "/livez"} { // all that a handler in this process has
		answer, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if kind := answer.Header.Get("Content-Type"); strings.HasPrefix(kind, "application/problem") {
			t.Errorf("%s is not served over the network: %d %s", path, answer.StatusCode, kind)
		}
	}
	_, err = Open(t.Context(), w.config)
	if e, ok := errors.AsType[*LockedError](err); !ok || e.Address != address {
		t.Errorf("a second one: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWithoutATenantTheServerStillAnswers(t *testing.T) {
	w := &town{t: t, config: Defaults(t.TempDir())}
	w.open()
	defer w.close()
	status, err := w.local().Status(t.Context())
	if err != nil || len(status.Tenants) != 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := w.local().StartSync(t.Context(), false); code(err) != "not_possible" {
		t.Errorf("a sync: %v", err)
	}
}

func TestAFailedOpenGivesTheFolderFree(t *testing.T) {
	c := Defaults(t.TempDir())
	w := &town{t: t, config: c}
	w.open()
	w.close()
	key := filepath.Join(c.Data, "master.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("without its master key it opened: %v", err)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.close()
}
