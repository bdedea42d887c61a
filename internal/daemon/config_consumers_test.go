package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/appservice"
	"rekey.example/rekey/internal/connector/hook"
	"rekey.example/rekey/internal/connector/webhook"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// script is a program that ends well.
func script(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConsumersAreConfigured(t *testing.T) {
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(signingSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := `webhooks:
  - name: billing-portal
    url: https://hooks.contoso.com/rekey
  - name: second
    urlFile: ` + secretFile + `.url
    secretFile: ` + secretFile + `
    timeout: 5s
    allowPrivate: true
hooks:
  - name: restart
    path: ` + script(t) + `
    args: [portal, --now]
    environment: [KUBECONFIG]
    giveValue: true
tasks:
  term: 5d
  backup: helpdesk@contoso.com
`
	if err := os.WriteFile(secretFile+".url", []byte("http://127.0.0.1:9/x?sig=abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := load(t, file, map[string]string{"REKEY_WEBHOOK_BILLING_PORTAL_SECRET": signingSecret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := l.Config
	if len(c.Webhooks) != 2 || c.Webhooks[0].Secret.Reveal() != signingSecret || c.Webhooks[1].Secret.Reveal() != signingSecret || c.Webhooks[1].URL != "http://127.0.0.1:9/x?sig=abc" || c.Webhooks[1].Timeout != 5*time.Second {
		t.Errorf("webhooks %+v", c.Webhooks)
	}
	if len(c.Hooks) != 1 || len(c.Hooks[0].Args) != 2 || !c.Hooks[0].GiveValue || c.Hooks[0].Environment[0] != "KUBECONFIG" {
		t.Errorf("hooks %+v", c.Hooks)
	}
	if c.Tasks != (Tasks{Term: 5 * day, LinkLife: 3 * day, Backup: "helpdesk@contoso.com"}) {
		t.Errorf("tasks %+v", c.Tasks)
	}
	for _, s := range l.Settings {
		if strings.Contains(s.Value, "whsec") || strings.Contains(s.Value, "sig=") {
			t.Errorf("%s shows %s", s.Key, s.Value)
		}
	}
}

func TestWrongConsumersAreRefused(t *testing.T) {
	env := map[string]string{"REKEY_WEBHOOK_A_SECRET": signingSecret, "REKEY_WEBHOOK_WEAK_SECRET": "weak"}
	for file, want := range map[string]string{
		"webhooks:\n  - name: b\n    url: https://hooks.contoso.com/\n":                                                   "its secret is missing",
		"webhooks:\n  - name: weak\n    url: https://hooks.contoso.com/\n":                                                "shorter than 24",
		"webhooks:\n  - name: a\n    url: http://hooks.contoso.com/\n":                                                    "not https",
		"webhooks:\n  - name: a\n    url: https://169.254.169.254/\n    allowPrivate: true\n":                             "may not go to",
		"webhooks:\n  - name: a b\n    url: https://hooks.contoso.com/\n":                                                 "not a name",
		"webhooks:\n  - name: a\n    url: https://hooks.contoso.com/\n  - name: a\n    url: https://hooks.contoso.com/\n": "there twice",
		"webhooks:\n  - name: a\n    url: https://hooks.contoso.com/\n    secretFile: /nowhere\n    secret: whsec_x\n":    "secret",
		"hooks:\n  - name: h\n    path: restart.sh\n":                                                                     "absolute path",
		"hooks:\n  - name: h\n    path: /bin/sh\n    environment: [AZURE_CLIENT_SECRET]\n":                                "not handed on",
		"bindings:\n  - application: a\n    consumer: c\n    reference: \"webhook:https://evil.example\"\n":               "entry 1 of bindings",
		"tasks:\n  term: 5m\n":     "under an hour",
		"tasks:\n  linkLife: 8d\n": "7d",
	} {
		if _, err := load(t, file, env, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

func TestAReferenceFindsItsConsumer(t *testing.T) {
	w := newTown(t, 0)
	c := w.config
	c.Webhooks = []Webhook{{Name: "billing", URL: "https://hooks.contoso.com/", Secret: secret.New(signingSecret)}}
	c.Hooks = []Hook{{Name: "restart", Path: script(t), GiveValue: true}}
	desk := w.daemon.newDesk(nil)
	list, err := newConsumers(c, w.daemon.around, desk)
	if err != nil {
		t.Fatal(err)
	}
	site := "app:/subscriptions/" + w.tenant.SubscriptionID + "/resourceGroups/rg-finance/providers/Microsoft.Web/sites/func-basware-export"
	for reference, want := range map[string]struct {
		is        func(connector.Consumer) bool
		automatic bool
	}{
		w.tenant.Demo.Vault + "/" + w.tenant.Demo.Secret: {is[*connector.Reader], true},
		site:                      {is[*appservice.App], true},
		"webhook:billing":         {is[*webhook.Webhook], true},
		"hook:restart":            {is[*hook.Hook], true},
		"webhook:unknown":         {is[*delivery.Desk], false},
		"hook:/bin/sh":            {is[*delivery.Desk], false},
		"person:nora@contoso.com": {is[*delivery.Desk], false},
		"":                        {is[*delivery.Desk], false},
	} {
		if got, automatic := list.For(reference); !want.is(got) || automatic != want.automatic {
			t.Errorf("%q: %T, %v", reference, got, automatic)
		}
	}

	// What each is for, in the pretended tenant.
	v, _ := w.cloud.CurrentVersion(w.tenant.Demo.Vault, w.tenant.Demo.Secret)
	change := connector.Change{Request: "q-1", Rotation: "r-1", Consumer: "x", Application: inventory.Application{Tenant: w.tenant.ID},
		Place: inventory.Place{Vault: w.tenant.Demo.Vault, Name: w.tenant.Demo.Secret, Version: v.ID}}
	for _, reference := range []string{w.tenant.Demo.Vault + "/" + w.tenant.Demo.Secret, site, "hook:restart"} {
		consumer, _ := list.For(reference)
		if err := consumer.Tell(t.Context(), change); err != nil {
			t.Errorf("%s: telling: %v", reference, err)
		}
		if m, err := consumer.Moved(t.Context(), change); err != nil || !m.Yes {
			t.Errorf("%s: %+v, %v", reference, m, err)
		}
	}
	change.Place.Version = "another"
	hooked, _ := list.For("hook:restart")
	if err := hooked.Tell(t.Context(), change); err == nil || !strings.Contains(err.Error(), "now has version") {
		t.Errorf("a hook was given another value: %v", err)
	}
	feeds, err := w.daemon.around.readerFeeds()
	if err != nil {
		t.Fatal(err)
	}
	syncer := &inventory.Syncer{Store: w.daemon.store, Log: w.daemon.log}
	if counts, err := syncer.Readers(t.Context(), access.Rekey(w.tenant.ID), feeds...); err != nil || counts.Read != 2 {
		t.Errorf("the feed read %+v, %v", counts, err)
	}
}

func TestADeskOfTheConfiguration(t *testing.T) {
	w := newTown(t, 0)
	desk := w.daemon.newDesk(func(context.Context, string, string) (secret.Value, error) {
		return secret.Value{}, errors.New("nobody asks")
	})
	err := desk.Tell(t.Context(), connector.Change{Request: "q-1", Rotation: "r-1", Consumer: "Portal", Reference: "person:nora@contoso.com", Application: inventory.Application{Tenant: w.tenant.ID}})
	if err != nil {
		t.Fatal(err)
	}
	w.daemon.remind(t.Context(), desk)
	list, _, err := desk.List(t.Context(), w.daemon.operator(), delivery.Filter{State: delivery.Pending})
	if err != nil || len(list) != 1 || list[0].Person != "nora@contoso.com" || list[0].Deadline.Sub(list[0].Opened) != 3*day {
		t.Errorf("got %+v, %v", list, err)
	}
}

func is[T connector.Consumer](c connector.Consumer) bool {
	_, ok := c.(T)
	return ok
}
