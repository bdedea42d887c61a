package graph

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const signInPath = "https://graph.microsoft.com/beta/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'servicePrincipal')"

// signedIn writes n records of a client, a minute apart, the last one just now.
func (x *tenant) signedIn(principal, key string, n int) {
	x.w.Change(func() {
		for i := range n {
			x.w.Directory.AddSignIn(world.SignIn{
				ID: fmt.Sprintf("%s-%s-%04d", principal, key, i), Time: time.Now().Add(-time.Duration(n-1-i) * time.Minute), AppID: "app-" + principal,
				PrincipalID: principal, KeyID: key, Kind: "clientSecret", IP: "203.0.113.9", Resource: "Microsoft Graph",
			})
		}
	})
}

// A sign-in can be read some minutes after it happened, the newest first, in pages.
func TestSignInsAreReadLateAndInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Lag: world.Lag{SignIn: 5 * time.Minute}}, all)
		x.signedIn("p1", "k1", 1)
		if got := x.get(signInPath).column("id"); len(got) != 0 {
			t.Errorf("at once: %v", got)
		}
		time.Sleep(5 * time.Minute)
		x.signedIn("p2", "k2", 2500)
		time.Sleep(5 * time.Minute)
		seen := map[string]bool{}
		pages := 0
		for path := signInPath + " and servicePrincipalId eq 'p2'"; path != ""; pages++ {
			p := x.get(path)
			for _, id := range p.column("id") {
				seen[id] = true
			}
			path = p.string("@odata.nextLink")
		}
		if len(seen) != 2500 || pages != 3 {
			t.Errorf("%d records on %d pages", len(seen), pages)
		}
		if got := x.get(signInPath + " and servicePrincipalId eq 'p1'").column("servicePrincipalCredentialKeyId"); !slices.Equal(got, []string{"k1"}) {
			t.Errorf("of one client: %v", got)
		}
		since := time.Now().Add(-7 * time.Minute).UTC().Format(time.RFC3339)
		if got := x.get(signInPath + " and createdDateTime ge " + since + "&$top=2").column("id"); !slices.Equal(got, []string{"p2-k2-2499", "p2-k2-2498"}) {
			t.Errorf("the last ones: %v", got)
		}
		if got := x.get("https://graph.microsoft.com/beta/auditLogs/signIns/p1-k1-0000").string("ipAddress"); got != "203.0.113.9" {
			t.Errorf("one record: %q", got)
		}
	})
}

// What the service refuses: filters it does not have, a tenant without a licence,
// a caller without the right, the sixth request in ten seconds.
func TestSignInsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Limits: true}, all)
		x.signedIn("p1", "k1", 1)
		if p := x.want(400, "GET", signInPath+" and servicePrincipalCredentialKeyId eq 'k1'", ""); p.code() != "Request_UnsupportedQuery" {
			t.Errorf("by key id: %s", p.text)
		}
		x.want(400, "GET", signInPath+"&$top=1001", "")
		x.want(400, "GET", "/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'servicePrincipal')", "")
		if got := x.get("https://graph.microsoft.com/beta/auditLogs/signIns").column("id"); len(got) != 0 {
			t.Errorf("people's sign-ins: %v", got)
		}
		x.get(signInPath)
		if p := x.want(429, "GET", signInPath, ""); p.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		time.Sleep(10 * time.Second)
		x.get(signInPath)

		x.w.Change(func() { x.w.Records.Free = true })
		if p := x.want(403, "GET", signInPath, ""); p.code() != "Authentication_RequestFromNonPremiumTenantOrB2CTenant" {
			t.Errorf("without a licence: %s", p.text)
		}
		x.signIn("Application.Read.All")
		if p := x.want(403, "GET", signInPath, ""); p.code() != "Authorization_RequestDenied" {
			t.Errorf("without the right: %s", p.text)
		}
	})
}

// The report follows the uses that were recorded, and shows one of days ago while
// the credential is in use every minute.
func TestReportFollowsRecordedUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lag = 48 * time.Hour
		x := newTenant(t, world.Config{Seed: 9, Lag: world.Lag{Report: lag}}, all)
		secret := &world.Password{KeyID: "busy", LastUsed: time.Now().Add(-100 * time.Hour)}
		x.add("a", func(a *world.Application) { a.Passwords = []*world.Password{secret} })
		last := func() time.Duration {
			x.signIn(all)
			p := x.get("https://graph.microsoft.com/beta/reports/appCredentialSignInActivities?$filter=keyId eq 'busy'")
			rows, _ := p.json["value"].([]any)
			if len(rows) != 1 {
				t.Fatalf("the report has %d rows", len(rows))
			}
			activity := rows[0].(map[string]any)["signInActivity"].(map[string]any)
			at, err := time.Parse(time.RFC3339Nano, activity["lastSignInDateTime"].(string))
			if err != nil {
				t.Fatal(err)
			}
			return time.Since(at).Round(time.Second)
		}
		if got := last(); got != 100*time.Hour {
			t.Errorf("before any use: %s", got)
		}
		for range 60 * 72 {
			x.w.Change(func() {
				x.w.Directory.Use("busy", secret.LastUsed, time.Now())
				secret.LastUsed = time.Now()
			})
			time.Sleep(time.Minute)
		}
		if got := last(); got > lag {
			t.Errorf("after three days of use the last one shown is %s old", got)
		}
		time.Sleep(lag)
		if got := last(); got != lag+time.Minute {
			t.Errorf("after the lag the last one shown is %s old", got)
		}
		x.w.Change(func() { x.w.Records.NoReport = true })
		x.signIn(all)
		x.want(400, "GET", "https://graph.microsoft.com/beta/reports/appCredentialSignInActivities", "")
	})
}
