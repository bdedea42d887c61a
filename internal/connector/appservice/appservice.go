// Package appservice plays consumer and feed for App Service and Azure Functions
// apps, over Azure Resource Manager.
//
// An app reads a vault through Key Vault references among its settings. One
// without a version is read anew within a day, or when the app is asked to; one
// with a version stays where it is until a person changes it. What the settings
// themselves hold is never read: the list of references tells enough, and the
// right to it shows no value.
package appservice

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// apiVersion is the one that the documentation of the refresh names.
// https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
const apiVersion = "?api-version=2022-03-01"

// cache is how long a reference without a version may be behind.
const cache = 24 * time.Hour

// App is one app, or a slot of one, as a consumer.
type App struct {
	API  *rest.Client // of management.azure.com
	Site string       // the ARM id
	Name string       // for people
}

var _ connector.Consumer = (*App)(nil)

// reference is a setting whose value is a Key Vault reference.
// https://learn.microsoft.com/rest/api/appservice/web-apps/get-app-settings-key-vault-references
type reference struct {
	Name       string `json:"name"`
	Properties struct {
		Reference string `json:"reference"`
		Status    string `json:"status"`
		Details   string `json:"details"`
		Vault     string `json:"vaultName"`
		Secret    string `json:"secretName"`
		Pinned    string `json:"secretVersion"`
		Active    string `json:"activeVersion"` // not told everywhere
	} `json:"properties"`
}

type references struct {
	Value []reference `json:"value"`
	Next  string      `json:"nextLink"`
}

// Tell asks the app to read its references anew. Once more is as good as once.
func (a *App) Tell(ctx context.Context, c connector.Change) error {
	err := a.API.Once(ctx, rest.Request{Method: http.MethodPost, Path: a.Site + "/config/configreferences/appsettings/refresh" + apiVersion,
		Header: http.Header{"X-Ms-Client-Request-Id": {c.Request}}}, nil)
	if err != nil {
		return fmt.Errorf("cannot ask app %s to read its references anew: %w", a.Name, err)
	}
	return nil
}

// Moved reads which version the app's references to the place use.
func (a *App) Moved(ctx context.Context, c connector.Change) (connector.Moved, error) {
	list, err := a.references(ctx)
	if err != nil {
		return connector.Moved{}, fmt.Errorf("cannot read the references of app %s: %w", a.Name, err)
	}
	var ours []reference
	for _, r := range list {
		if r.reads(c.Place) {
			ours = append(ours, r)
		}
	}
	if len(ours) == 0 {
		return connector.Moved{Why: fmt.Sprintf("app %s has no reference to %s", a.Name, place(c.Place)),
			Person: fmt.Sprintf("look how %s gets the secret now, and confirm that it has the new one", a.Name)}, nil
	}
	var proofs []string
	for _, r := range ours {
		m := r.moved(c)
		if !m.Yes {
			return m, nil
		}
		proofs = append(proofs, m.Proof)
	}
	return connector.Moved{Yes: true, Proof: strings.Join(proofs, ", ")}, nil
}

func place(p inventory.Place) string {
	p.Version = ""
	return p.String()
}

// reads reports whether a reference leads to a place, in whatever version.
func (r reference) reads(p inventory.Place) bool {
	vault, _, _ := strings.Cut(p.Vault, ".")
	return strings.EqualFold(r.Properties.Vault, vault) && strings.EqualFold(r.Properties.Secret, p.Name)
}

// moved judges one reference.
func (r reference) moved(c connector.Change) connector.Moved {
	p := r.Properties
	name := "setting " + rest.Clean(r.Name, 60)
	switch {
	case p.Pinned != "" && p.Pinned != c.Place.Version:
		return connector.Moved{Why: fmt.Sprintf("%s is pinned to version %s", name, rest.Clean(p.Pinned, 64)),
			Person: fmt.Sprintf("set the reference without a version (%s), then it follows by itself", name)}
	case p.Status != "Resolved":
		return unresolved(name, p.Status, p.Details)
	case p.Pinned != "":
		return connector.Moved{Yes: true, Proof: name + " is pinned to the new version and resolved"}
	case p.Active == c.Place.Version && p.Active != "":
		return connector.Moved{Yes: true, Proof: name + " uses version " + p.Active}
	case p.Active != "":
		return connector.Moved{Why: fmt.Sprintf("%s still uses version %s", name, rest.Clean(p.Active, 64)), Wait: time.Minute}
	}
	if left := time.Until(c.Switched.Add(cache)); left > 0 {
		return connector.Moved{Why: name + " is resolved, and App Service does not tell here which version it uses", Wait: left + time.Second}
	}
	return connector.Moved{Yes: true, Proof: name + " is resolved, and read anew within 24 h of the switch"}
}

// cures say who has to do what about a reference that does not resolve. What is
// not among them passes by itself.
var cures = map[string]string{
	"MSINotEnabled":          "give the app a managed identity, and that identity the role Key Vault Secrets User",
	"AccessToKeyVaultDenied": "give the app's managed identity the role Key Vault Secrets User on the vault, and let the vault's firewall pass the app",
	"UnauthorizedClient":     "give the app's managed identity the role Key Vault Secrets User on the vault",
	"VaultNotFound":          "correct the vault's name in the reference",
	"SecretNotFound":         "correct the secret's name in the reference, or recover the secret",
	"SecretVersionNotFound":  "set the reference without a version",
	"InvalidSyntax":          "correct the reference: @Microsoft.KeyVault(VaultName=...;SecretName=...)",
}

func unresolved(name, status, details string) connector.Moved {
	why := fmt.Sprintf("%s is not resolved: %s", name, rest.Clean(status, 40))
	if details != "" {
		why += ", " + rest.Clean(details, 160)
	}
	return connector.Moved{Why: why, Person: cures[status], Wait: time.Minute}
}

// references lists those of the app's settings and of its connection strings.
func (a *App) references(ctx context.Context) (all []reference, err error) {
	for _, kind := range []string{"appsettings", "connectionstrings"} {
		next := a.Site + "/config/configreferences/" + kind + apiVersion
		for pages := 0; next != ""; pages++ {
			if pages == 100 {
				return nil, fmt.Errorf("the list of %s does not end", kind)
			}
			var page references
			if err := a.API.Get(ctx, next, &page); err != nil {
				return nil, err
			}
			all, next = append(all, page.Value...), page.Next
		}
	}
	return all, nil
}
