package graph

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func TestAddPasswordTellsTheTextOnce(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	p := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"first"}}`, "client-request-id", "r-1")
	text := p.string("secretText")
	if !world.SecretTextValid(text) {
		t.Errorf("secretText is not one of Entra's: %d characters", len(text))
	}
	if p.string("hint") != text[:3] {
		t.Errorf("hint %q", p.string("hint"))
	}
	starts, err1 := time.Parse(time.RFC3339, p.string("startDateTime"))
	ends, err2 := time.Parse(time.RFC3339, p.string("endDateTime"))
	if err1 != nil || err2 != nil || !ends.Equal(starts.AddDate(2, 0, 0)) {
		t.Errorf("valid from %s to %s, want two years", p.string("startDateTime"), p.string("endDateTime"))
	}
	names := []string{`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.passwordCredential"`, `"customKeyIdentifier":null`, `"displayName":"first"`, `"endDateTime"`, `"hint"`, `"keyId"`, `"secretText"`, `"startDateTime"`}
	for i, name := range names[1:] {
		if strings.Index(p.text, names[i]) >= strings.Index(p.text, name) {
			t.Errorf("%s does not come before %s", names[i], name)
		}
	}

	x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{}`)
	read := x.get("/applications/" + a.ID)
	if strings.Contains(read.text, text) || !strings.Contains(read.text, `"secretText":null`) {
		t.Error("the text can be read again")
	}
	if got := read.passwords(); len(got) != 2 || got[1] != p.string("keyId") {
		t.Errorf("passwords %v, want the newest first", got)
	}

	fact := x.w.Facts("addPassword")[0]
	want := world.Fact{Time: fact.Time, What: "addPassword", Object: a.ID, Key: p.string("keyId"), Label: "first", By: x.caller.AppID, Request: "r-1"}
	if fact != want {
		t.Errorf("fact %+v, want %+v", fact, want)
	}
}

func TestRemovePasswordTwice(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	id := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`).string("keyId")
	x.want(204, "POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+id+`"}`)
	p := x.want(400, "POST", "/applications/"+a.ID+"/removePassword", `{"keyId":"`+id+`"}`)
	if p.code() != "Request_BadRequest" || !strings.Contains(p.message(), "No password credential found with keyId") {
		t.Errorf("second removal: %s", p.text)
	}
	if got := x.get("/applications/" + a.ID).passwords(); len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
	if x.facts("removePassword") != 1 {
		t.Errorf("%d removals, want 1", x.facts("removePassword"))
	}
}

func TestPersonalAudienceHasTwoSlots(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a", func(a *world.Application) { a.Audience = "AzureADandPersonalMicrosoftAccount" })
	for range 2 {
		x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`)
	}
	p := x.want(400, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{}}`)
	if p.code() != "TooManyAppPasswords" || !strings.Contains(p.message(), "Not allowed to add 3 passwords.") || !strings.Contains(p.text, `"target":"passwordCredentials"`) {
		t.Errorf("third: %s", p.text)
	}
	if x.facts("addPassword") != 2 {
		t.Error("the third was made all the same")
	}
}

func TestPatchOfPasswordsRemovesButNeverEdits(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	one := x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"one"}}`).string("keyId")
	x.want(200, "POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"two"}}`)
	p := x.want(400, "PATCH", "/applications/"+a.ID, `{"passwordCredentials":[{"keyId":"`+one+`","endDateTime":"2099-01-01T00:00:00Z"}]}`)
	if !strings.Contains(p.text, "KeyNotUpdatable") {
		t.Errorf("edit: %s", p.text)
	}
	x.want(204, "PATCH", "/applications/"+a.ID, `{"passwordCredentials":[{"keyId":"`+one+`"}]}`)
	if got := x.get("/applications/" + a.ID).passwords(); !slices.Equal(got, []string{one}) {
		t.Errorf("passwords %v", got)
	}
}

func TestFaultsOfPasswords(t *testing.T) {
	x := newTenant(t, world.Config{}, all)
	a := x.add("a")
	for _, k := range []struct {
		fault  world.Fault
		status int
		code   string
		made   bool
	}{
		{world.Fault{Name: world.Concurrent}, 400, "Request_BadRequest", false},
		{world.Fault{Name: world.SlotLimit}, 400, "TooManyAppPasswords", false},
		{world.Fault{Name: world.PolicyRefusal}, 400, "CredentialInvalidLifetimeAsPerAppPolicy", false},
		{world.Fault{Name: world.PolicyRefusal, Value: "CredentialTypeNotAllowedAsPerAppPolicy"}, 400, "CredentialTypeNotAllowedAsPerAppPolicy", false},
		{world.Fault{Name: world.NoSecretText}, 200, "", true},
		{world.Fault{Name: world.NoSecretText, Match: "POST graph.microsoft.com/v1.0/applications/*/removePassword"}, 200, "", true},
	} {
		k.fault.Times = 1
		if err := x.w.Faults.Set(k.fault); err != nil {
			t.Fatal(err)
		}
		before := x.facts("addPassword")
		p := x.do("POST", "/applications/"+a.ID+"/addPassword", `{"passwordCredential":{"displayName":"m"}}`)
		if p.status != k.status || p.code() != k.code {
			t.Errorf("%s: %d %s", k.fault.Name, p.status, p.text)
		}
		if made := x.facts("addPassword") > before; made != k.made {
			t.Errorf("%s: made %t, want %t", k.fault.Name, made, k.made)
		}
		if silent := p.status == http.StatusOK && p.string("secretText") == ""; silent != (k.made && k.fault.Match == "") {
			t.Errorf("%s %s: secretText missing is %t", k.fault.Name, k.fault.Match, silent)
		}
		x.w.Faults.Clear("")
	}
}
