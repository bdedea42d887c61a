package diagnosis

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// plant does to the world what a line of a case says: a verb, and what it needs.
func (x *ward) plant(line string) {
	x.t.Helper()
	words := strings.Fields(x.fill(line))
	verb, rest := words[0], words[1:]
	arg := func(n int, otherwise string) string {
		if n < len(rest) {
			return rest[n]
		}
		return otherwise
	}
	do, ok := map[string]func(func(int, string) string){
		"nothing": func(func(int, string) string) {}, "directory": x.plantDirectory, "secret": x.plantSecret, "certificate": x.plantCertificate, "federated": x.plantFederated,
		"vault": x.plantVault, "entry": x.plantEntry, "rights": x.plantRights, "target": x.plantTarget, "site": x.plantSite, "wire": x.plantWire,
		"fault": x.plantFault, "signin": x.plantSignIn, "finance": x.plantFinance, "rekey": x.plantRekey,
	}[verb]
	if !ok {
		x.t.Fatalf("no such plant: %s", line)
	}
	do(arg)
}

const graphAt = "https://graph.microsoft.com/v1.0/"

func (x *ward) plantDirectory(arg func(int, string) string) {
	switch what := arg(0, ""); what {
	case "disabled":
		x.admin("PATCH", graphAt+"servicePrincipals/"+x.sp.ID, `{"accountEnabled":false}`)
	case "deactivated":
		x.w.Change(func() { x.app.Disabled = true })
	case "deleted":
		x.admin("DELETE", graphAt+"applications/"+x.app.ID, "")
	case "no-principal":
		x.admin("DELETE", graphAt+"servicePrincipals/"+x.sp.ID, "")
	case "no-consent":
		x.w.Change(func() { x.sp.Grants, x.sp.Roles = nil, nil })
	case "role":
		x.w.Change(func() {
			x.sp.Grants = append(x.sp.Grants, world.Grant{ID: "g", RoleID: x.words["nobody"], ResourceID: x.words["nobody"], ResourceName: "Microsoft Graph"})
		})
	default:
		x.t.Fatalf("directory %s", what)
	}
}

func (x *ward) plantSecret(arg func(int, string) string) {
	p := x.app.Passwords[0]
	switch what := arg(0, ""); what {
	case "expired":
		x.w.Change(func() { p.Starts, p.Ends = x.now.AddDate(-1, 0, -3), x.now.AddDate(0, 0, -3) })
	case "none":
		x.w.Change(func() { x.app.Passwords = nil })
	case "removed":
		x.admin("POST", graphAt+"applications/"+x.app.ID+"/removePassword", `{"keyId":"`+p.KeyID+`"}`)
	case "removed-unseen": // longer ago than the audit log reaches
		x.w.Change(func() { x.app.Passwords = nil; x.add("another", -20) })
	case "another":
		x.w.Change(func() { x.add("another", -20) })
	case "fresh":
		x.admin("POST", graphAt+"applications/"+x.app.ID+"/addPassword", `{"passwordCredential":{"displayName":"new"}}`)
		x.w.Read(func() { x.words["freshhint"] = x.app.Passwords[len(x.app.Passwords)-1].Hint })
	default:
		x.t.Fatalf("secret %s", what)
	}
}

// add gives the application another secret, so many days old. The caller holds Change.
func (x *ward) add(name string, days int) *world.Password {
	p := &world.Password{KeyID: x.w.GUID(), Name: name, Text: x.w.SecretText(), Starts: x.now.AddDate(0, 0, days), Ends: x.now.AddDate(1, 0, 0)}
	p.Hint = p.Text[:3]
	x.words["anotherhint"] = p.Hint
	x.app.Passwords = append(x.app.Passwords, p)
	return p
}

func (x *ward) plantCertificate(arg func(int, string) string) {
	add := func(thumb byte, ends time.Time) *world.Key {
		print := make([]byte, 20)
		for i := range print {
			print[i] = thumb
		}
		k := &world.Key{KeyID: x.w.GUID(), Type: "AsymmetricX509Cert", Usage: "Verify", Thumbprint: print, Starts: ends.AddDate(-1, 0, 0), Ends: ends, Name: "CN=export"}
		x.app.Keys = append(x.app.Keys, k)
		return k
	}
	x.words["thumb"], x.words["otherthumb"] = strings.Repeat("AB", 20), strings.Repeat("CD", 20)
	x.w.Change(func() {
		switch what := arg(0, ""); what {
		case "valid":
			add(0xAB, x.now.AddDate(0, 6, 0))
		case "expired":
			add(0xAB, x.now.AddDate(0, 0, -2))
		case "other":
			add(0xCD, x.now.AddDate(0, 6, 0))
		case "removed": // the one it signed in with is gone
			add(0xCD, x.now.AddDate(0, 6, 0))
			gone := x.w.GUID()
			x.w.Directory.AddSignIn(world.SignIn{ID: x.w.GUID(), Time: x.now.Add(-48 * time.Hour), AppID: x.app.AppID, App: x.app.Name, PrincipalID: x.sp.ID, KeyID: gone, Kind: "certificate", IP: "203.0.113.20"})
			x.w.Directory.Audits = append(x.w.Directory.Audits, world.Audit{ID: x.w.GUID(), Activity: "Update application \u2013 Certificates and secrets management ", Category: "ApplicationManagement",
				Time: x.now.Add(-30 * time.Hour), Operation: "Update", ByUser: "emma@contoso.com", ByUserID: x.w.GUID(), TargetID: x.app.ID, TargetType: "Application", TargetName: x.app.Name,
				Properties: []world.AuditProperty{{Name: "KeyDescription", Old: `["[KeyIdentifier=` + gone + `,KeyType=AsymmetricX509Cert,KeyUsage=Verify,DisplayName=CN=export]"]`, New: "[]"}}})
		default:
			x.t.Fatalf("certificate %s", what)
		}
	})
}

func (x *ward) plantFederated(arg func(int, string) string) {
	x.w.Change(func() {
		x.app.Federated = append(x.app.Federated, &world.Federated{ID: x.w.GUID(), Name: "github", Issuer: arg(0, ""), Subject: arg(1, ""), Audiences: []string{arg(2, "api://AzureADTokenExchange")}})
	})
}

func (x *ward) vaultAt(name string) *world.Vault { return x.w.Azure.Vaults[name] }

func (x *ward) plantVault(arg func(int, string) string) {
	name := arg(1, "kv-contoso-prod")
	x.w.Change(func() {
		v := x.vaultAt(name)
		switch what := arg(0, ""); what {
		case "deleted":
			v.Deleted = x.now
			x.w.Azure.DeletedVaults[name] = v
			delete(x.w.Azure.Vaults, name)
		case "gone":
			delete(x.w.Azure.Vaults, name)
		case "firewall":
			v.FirewallDeny = true
		case "private":
			v.PublicAccess = false
		case "policies":
			v.RBAC = false
			v.Policies = []world.AccessPolicy{{ObjectID: x.cloud.Tenant().Reader.PrincipalID, Secrets: []string{"get", "list"}}}
		default:
			x.t.Fatalf("vault %s", what)
		}
	})
}

func (x *ward) plantEntry(arg func(int, string) string) {
	vault, name := arg(1, "kv-contoso-prod"), arg(2, x.words["secret"])
	x.w.Change(func() {
		v := x.vaultAt(vault)
		s := v.Secrets[name]
		put := func(value string) {
			for _, old := range s.Versions {
				old.Created = old.Created.AddDate(0, 0, -2)
			}
			x.w.Azure.PutSecret(vault, name, &world.SecretVersion{Value: value, Enabled: true, Created: x.now.Add(-time.Hour), Tags: map[string]string{}})
		}
		newest := func() *world.SecretVersion { return s.Versions[len(s.Versions)-1] }
		switch what := arg(0, ""); what {
		case "missing":
			delete(v.Secrets, name)
		case "deleted":
			s.Deleted = x.now.Add(-time.Hour)
			v.DeletedSecrets[name] = s
			delete(v.Secrets, name)
		case "disabled":
			newest().Enabled = false
		case "expired":
			newest().Expires = x.now.AddDate(0, 0, -4)
		case "early":
			newest().NotBefore = x.now.AddDate(0, 0, 4)
		case "newline":
			put(newest().Value + "\n")
		case "quoted":
			put(`"` + newest().Value + `"`)
		case "encoded":
			put(strings.ReplaceAll(newest().Value, "~", "%7E"))
		case "id":
			put(x.app.Passwords[0].KeyID)
		case "random":
			put(x.w.SecretText())
		case "newer":
			x.words["oldversion"] = newest().ID
			put(newest().Value)
			x.words["newversion"] = newest().ID
		default:
			x.t.Fatalf("entry %s", what)
		}
	})
}

func (x *ward) plantRights(arg func(int, string) string) {
	who := arg(1, x.sp.ID)
	x.w.Change(func() {
		v := x.vaultAt(arg(2, "kv-contoso-prod"))
		drop := func() {
			for i := range x.w.Azure.Assignments {
				if a := &x.w.Azure.Assignments[i]; a.PrincipalID == who && a.Removed.IsZero() {
					a.Removed = x.now.Add(-time.Hour)
				}
			}
		}
		switch what := arg(0, ""); what {
		case "none":
			drop()
		case "reader": // lists, and reads no value
			drop()
			x.w.Azure.Assign(who, "Key Vault Reader", x.w.Azure.VaultID(v), x.now.AddDate(0, 0, -9))
		case "policy-only":
			drop()
			v.Policies = append(v.Policies, world.AccessPolicy{ObjectID: who, Secrets: []string{"get", "list"}})
		case "role":
			x.w.Azure.Assign(who, "Key Vault Secrets User", x.w.Azure.VaultID(v), x.now.AddDate(0, 0, -9))
		case "fresh-role":
			drop()
			x.w.Azure.Assign(who, "Key Vault Secrets User", x.w.Azure.VaultID(v), x.now.Add(-time.Minute))
		case "get-only":
			v.Policies = append(v.Policies, world.AccessPolicy{ObjectID: who, Secrets: []string{"get"}})
		case "get-list":
			v.Policies = append(v.Policies, world.AccessPolicy{ObjectID: who, Secrets: []string{"get", "list"}})
		default:
			x.t.Fatalf("rights %s", what)
		}
	})
}

func (x *ward) plantTarget(arg func(int, string) string) {
	x.w.Change(func() {
		topic := x.w.Azure.Find("rg-integration-prod", "Microsoft.EventGrid/topics", "evgt-fno-business-events-prod")
		rule := x.w.Azure.Find("rg-warehouse", "Microsoft.ServiceBus/namespaces/authorizationRules", "sb-contoso-wms/d365-orders")
		space := x.w.Azure.Find("rg-warehouse", "Microsoft.ServiceBus/namespaces", "sb-contoso-wms")
		queue := x.w.Azure.Find("rg-warehouse", "Microsoft.ServiceBus/namespaces/queues", "sb-contoso-wms/orders")
		switch what := arg(0, ""); what {
		case "topic-regenerated":
			topic.Keys[0].Renew("bmV3IGtleSBvZiB0aGUgdG9waWMsIDMyIGJ5dGVzISE=", x.now.Add(-time.Hour))
		case "topic-gone":
			delete(x.w.Azure.Resources, strings.ToLower(topic.ID))
		case "topic-keys-off":
			topic.Properties["disableLocalAuth"] = true
		case "rule-regenerated":
			rule.Keys[0].Renew("bmV3IGtleSBvZiB0aGUgcnVsZSwgMzIgYnl0ZXMgISE=", x.now.Add(-time.Hour))
		case "queue-gone":
			delete(x.w.Azure.Resources, strings.ToLower(queue.ID))
		case "namespace-gone":
			delete(x.w.Azure.Resources, strings.ToLower(space.ID))
		case "namespace-keys-off":
			space.Properties["disableLocalAuth"] = true
		default:
			x.t.Fatalf("target %s", what)
		}
	})
}

// plantSite makes an app whose setting refers to an entry.
func (x *ward) plantSite(arg func(int, string) string) {
	x.w.Change(func() {
		if x.site == nil {
			identity := x.w.GUID()
			x.site = x.w.Azure.AddSite("rg-integration-prod", "func-orders", "", "functionapp", &world.Site{Identity: identity, Fetched: x.now.Add(-2 * time.Hour),
				Settings: map[string]string{"ERP_SECRET": "@Microsoft.KeyVault(VaultName=kv-contoso-prod;SecretName=fno-business-events-secret)"}})
			x.w.Azure.Assign(identity, "Key Vault Secrets User", x.w.Azure.VaultID(x.vaultAt("kv-contoso-prod")), x.now.AddDate(0, 0, -9))
			x.words["identity"], x.words["siteid"] = identity, x.site.ID
		}
		s := x.site.Site
		switch what := arg(0, ""); what {
		case "well":
		case "no-identity":
			s.Identity = ""
		case "reference":
			s.Settings["ERP_SECRET"] = arg(1, "")
		case "no-rights":
			for i := range x.w.Azure.Assignments {
				if a := &x.w.Azure.Assignments[i]; a.PrincipalID == s.Identity {
					a.Removed = x.now.Add(-time.Hour)
				}
			}
		case "cached":
			s.Fetched = x.now.Add(-90 * time.Minute)
		default:
			x.t.Fatalf("site %s", what)
		}
	})
}

// broken is a wire that fails on the way to the clouds.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func (x *ward) plantWire(arg func(int, string) string) {
	var err error
	switch what := arg(0, ""); what {
	case "dns":
		err = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "login.microsoftonline.com", IsNotFound: true}}
	case "refused":
		err = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	case "proxy":
		err = &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New("connection refused")}
	case "untrusted":
		err = x509.UnknownAuthorityError{Cert: &x509.Certificate{}}
	case "name":
		err = x509.HostnameError{Certificate: &x509.Certificate{}, Host: "login.microsoftonline.com"}
	default:
		x.t.Fatalf("wire %s", what)
	}
	x.e.Patient.Wire.Round = broken{err}
}

func (x *ward) plantFault(arg func(int, string) string) {
	f := world.Fault{Name: arg(0, ""), Value: arg(1, ""), Match: arg(3, "")}
	if f.Value == "-" {
		f.Value = ""
	}
	f.Delay, _ = time.ParseDuration(arg(2, "0s"))
	if err := x.w.Faults.Set(f); err != nil {
		x.t.Fatal(err)
	}
}

// value is what the program is configured with.
func (x *ward) value(kind string) (v string) {
	x.w.Read(func() {
		good := x.sent
		switch kind {
		case "right":
			v = good
		case "id":
			v = x.words["keyid"]
		case "cut":
			v = good[:28]
		case "quoted":
			v = `"` + good + `"`
		case "newline":
			v = good + "\n"
		case "encoded":
			v = strings.ReplaceAll(good, "~", "%7E")
		case "altered":
			v = good[:len(good)-2] + "xx"
		case "other":
			v = x.other.Passwords[0].Text
		case "stranger":
			v = "zZz8Q~" + strings.Repeat("n", 34)
		}
	})
	return v
}

// plantSignIn lets the program sign in with what it is configured with, and keeps
// the answer for the text: {answer}, {answerhtml}, {answerjson}.
func (x *ward) plantSignIn(arg func(int, string) string) {
	sent := x.value(arg(0, "right"))
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {x.app.AppID}, "client_secret": {sent}, "scope": {"https://vault.azure.net/.default"}}
	_, body := x.send("POST", "https://login.microsoftonline.com/"+x.cloud.Tenant().ID+"/oauth2/v2.0/token", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	var answer struct {
		Text string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &answer) // a token has none
	x.words["answer"], x.words["answerjson"], x.words["sent"] = answer.Text, string(body), sent
	if days := arg(1, ""); days != "" { // it was so many days ago
		n, _ := strconv.Atoi(days)
		x.w.Change(func() {
			list := x.w.Directory.SignIns
			list[len(list)-1].Time = x.now.AddDate(0, 0, -n)
		})
	}
}

// plantFinance changes an endpoint, or presses its button: {answer}.
func (x *ward) plantFinance(arg func(int, string) string) {
	name := arg(1, "EVENTGRID")
	x.w.Change(func() {
		f := x.w.Finance[contoso.FinanceProd]
		e := f.Endpoint(name)
		switch what := arg(0, ""); what {
		case "send":
		case "client":
			e.Client = arg(2, "")
		case "vault":
			e.Vault = arg(2, "")
		case "secret":
			e.Secret = arg(2, "")
		case "wrong-secret":
			e.AppSecret = "zZz8Q~" + strings.Repeat("n", 34)
		case "id-secret":
			e.AppSecret = x.words["keyid"]
		case "empty":
			e.AppSecret = ""
		case "inactive":
			e.Active = false
		case "queue":
			e.Address = arg(2, "")
		case "gone":
			f.Endpoints = nil
		default:
			x.t.Fatalf("finance %s", what)
		}
	})
	if arg(0, "") == "send" {
		x.words["answer"] = x.cloud.SendTestEvent(x.t.Context(), contoso.FinanceProd, name)
		if x.words["answer"] == "" {
			x.words["answer"] = "(the event was accepted)"
		}
	}
}

// plantRekey takes something away from rekey itself.
func (x *ward) plantRekey(arg func(int, string) string) {
	tenant := x.cloud.Tenant()
	switch what := arg(0, ""); what {
	case "no-audit":
		x.w.Change(func() {
			sp := x.w.Directory.ServicePrincipals[tenant.Reader.PrincipalID]
			sp.Roles = []string{"Application.Read.All"}
			sp.Grants = slices.DeleteFunc(sp.Grants, func(g world.Grant) bool { return g.RoleValue != "Application.Read.All" })
		})
	case "no-manager":
		x.w.Change(func() {
			for i := range x.w.Azure.Assignments {
				if a := &x.w.Azure.Assignments[i]; a.PrincipalID == tenant.Reader.PrincipalID && a.Role == "Reader" {
					a.Removed = x.now.AddDate(0, 0, -1)
				}
			}
		})
	case "no-values":
		for i := range x.e.Patient.Vaults {
			x.e.Patient.Vaults[i].ReadValues = false
		}
	case "no-memory":
		x.e.Recall = Recall{}
	case "no-finance":
		x.e.Environments = nil
	case "no-vaults":
		x.e.Patient.Vaults = nil
	default:
		x.t.Fatalf("rekey %s", what)
	}
}

// spy notes the hosts that get a token.
type spy struct {
	cloud *sim.Cloud
	to    *[]string
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		*s.to = append(*s.to, r.URL.Host)
	}
	return s.cloud.RoundTripper(sim.Hooks{}).RoundTrip(r)
}
