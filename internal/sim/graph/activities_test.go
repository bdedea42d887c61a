package graph

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Use is reported late, and what was never used is not reported at all.
func TestLastUseIsReportedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTenant(t, world.Config{Lag: world.Lag{Report: time.Hour}}, all)
		used := &world.Password{KeyID: "used", LastUsed: time.Now()}
		a := x.add("a", func(a *world.Application) { a.Passwords = []*world.Password{used, {KeyID: "unused"}} })
		x.w.Change(func() { x.caller.Keys = []*world.Key{{KeyID: "cert", LastUsed: time.Now().Add(-2 * time.Hour)}} })
		const path = "https://graph.microsoft.com/beta/reports/appCredentialSignInActivities"
		if got := x.get(path).column("keyId"); !slices.Equal(got, []string{"cert"}) {
			t.Errorf("at once: %v", got)
		}
		time.Sleep(time.Hour)
		if got := x.get(path).column("keyId"); !slices.Equal(got, []string{"used", "cert"}) {
			t.Errorf("after the lag: %v", got)
		}
		first := x.get(path + "?$top=1")
		if got := x.get(first.string("@odata.nextLink")).column("credentialOrigin"); !slices.Equal(got, []string{"servicePrincipal"}) {
			t.Errorf("second page: %v", got)
		}
		if got := x.get(path + "?$filter=appId eq '" + a.AppID + "'").column("appObjectId"); !slices.Equal(got, []string{a.ID}) {
			t.Errorf("filtered: %v", got)
		}
		x.want(400, "GET", "/reports/appCredentialSignInActivities", "")
	})
}
