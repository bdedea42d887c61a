package connector

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

// Modified is a property that a record of the directory says was changed. Old and
// New are JSON in text, in whatever form the source writes them.
type Modified struct{ Name, Old, New string }

// Target is what a record of the directory is about.
type Target struct {
	ID   string // object id
	Type string // Application, ServicePrincipal, User, ...; empty: not told
	Name string
}

// DirectoryDeeds says what a record of the directory changed. Microsoft Graph
// and the Office 365 feed carry the same records with the same names, apart from a
// dot at the end, and neither says whether a credential came or went: the sets
// before and after do. See
// https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities
func DirectoryDeeds(operation string, targets []Target, list []Modified) []Deed {
	op := PlainOperation(operation)
	of := Deed{Object: objectOf(targets, list), Name: nameOf(targets), ClientID: clientOf(list)}
	if strings.Contains(op, " owner ") {
		return ownerChange(op, of, targets, list)
	}
	var found []Deed
	for _, p := range list {
		switch name := strings.ToLower(p.Name); {
		case name == "keydescription":
			found = append(found, keyChanges(of, p)...)
		case strings.Contains(name, "federatedidentitycredential"):
			found = append(found, federatedChanges(of, p)...)
		}
	}
	if len(found) > 0 {
		return found
	}
	of.Action = actionOf(op)
	of.Detail = permission(list)
	return []Deed{of}
}

// PlainOperation is an operation's name as both sources have it: without the dot
// and the blanks at its end, with a plain dash, in lower case.
func PlainOperation(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "\u2013", "-"))
	return strings.Join(strings.Fields(strings.TrimRight(strings.TrimSpace(s), ".")), " ")
}

// actions tells what the other operations are, by how they begin.
var actions = []struct{ begins, action string }{
	{"add application", ObjectAdded}, {"add service principal", ObjectAdded}, {"restore ", ObjectAdded},
	{"delete application", ObjectRemoved}, {"hard delete ", ObjectRemoved}, {"remove service principal", ObjectRemoved},
	{"add app role assignment", PermissionAdded}, {"add delegated permission", PermissionAdded}, {"consent to application", PermissionAdded},
	{"remove app role assignment", PermissionRemoved}, {"remove delegated permission", PermissionRemoved},
	{"update application", ObjectChanged}, {"update service principal", ObjectChanged},
}

func actionOf(op string) string {
	for _, a := range actions {
		if strings.HasPrefix(op, a.begins) {
			return a.action
		}
	}
	return OtherChange
}

func permission(list []Modified) map[string]string {
	for _, p := range list {
		switch p.Name {
		case "AppRole.Value", "DelegatedPermissionGrant.Scope":
			if v := strings.Trim(p.New+p.Old, `[]" `); v != "" && len(v) < 500 {
				return map[string]string{"permission": v}
			}
		}
	}
	return nil
}

var identifier = regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`)

// objectOf is the application or service principal that a record is about.
func objectOf(targets []Target, list []Modified) inventory.ObjectID {
	for _, p := range list {
		if p.Name == "Application.ObjectID" || p.Name == "ServicePrincipal.ObjectID" {
			if id := identifier.FindString(p.New + p.Old); id != "" {
				return inventory.ObjectID(strings.ToLower(id))
			}
		}
	}
	for _, t := range targets {
		if t.Type == "Application" || t.Type == "ServicePrincipal" {
			return inventory.ObjectID(strings.ToLower(t.ID))
		}
	}
	if len(targets) > 0 && targets[0].Type == "" {
		return inventory.ObjectID(strings.ToLower(targets[0].ID))
	}
	return ""
}

func nameOf(targets []Target) string {
	for _, t := range targets {
		if t.Type != "User" && t.Name != "" {
			return t.Name
		}
	}
	return ""
}

func clientOf(list []Modified) inventory.ClientID {
	for _, p := range list {
		if p.Name == "AppId" || p.Name == "Application.AppId" || p.Name == "AppPrincipalId" {
			return inventory.ClientID(strings.ToLower(identifier.FindString(p.New + p.Old)))
		}
	}
	return ""
}

// ownerChange finds the owner: the other target, or in the changed property.
func ownerChange(op string, of Deed, targets []Target, list []Modified) []Deed {
	of.Action = OwnerAdded
	if strings.HasPrefix(op, "remove") {
		of.Action = OwnerRemoved
	}
	for _, t := range targets {
		if id := strings.ToLower(t.ID); id != string(of.Object) {
			of.KeyID, of.Label = id, t.Name
		}
	}
	for _, p := range list {
		if of.KeyID == "" && p.Name == "ObjectID" {
			of.KeyID = strings.ToLower(identifier.FindString(p.New + p.Old))
		}
	}
	of.Kind = "owner"
	return []Deed{of}
}

// keyChanges compares two sets of credentials.
func keyChanges(of Deed, p Modified) (list []Deed) {
	before, after := keysIn(p.Old), keysIn(p.New)
	add := func(action string, k key) {
		c := of
		c.Action, c.KeyID, c.Kind, c.Label = action, k.id, k.kind, k.name
		list = append(list, c)
	}
	for _, k := range after {
		if !slices.ContainsFunc(before, func(b key) bool { return b.id == k.id }) {
			add(CredentialAdded, k)
		}
	}
	for _, k := range before {
		if !slices.ContainsFunc(after, func(a key) bool { return a.id == k.id }) {
			add(CredentialRemoved, k)
		}
	}
	return list
}

type key struct{ id, kind, name string }

// keysIn reads the text of a JSON array of "[KeyIdentifier=..,KeyType=..,
// KeyUsage=..,DisplayName=..]". The name comes last and may hold commas and
// brackets.
func keysIn(text string) (list []key) {
	var lines []string
	if json.Unmarshal([]byte(text), &lines) != nil {
		return nil
	}
	for _, line := range lines {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "[KeyIdentifier=")
		if !ok {
			continue
		}
		id, rest, _ := strings.Cut(rest, ",KeyType=")
		kind, rest, _ := strings.Cut(rest, ",KeyUsage=")
		_, name, _ := strings.Cut(rest, ",DisplayName=")
		list = append(list, key{strings.ToLower(id), kind, strings.TrimSuffix(name, "]")})
	}
	return list
}

// federatedChanges compares two lists of federated credentials: objects with an id
// or a name, or plain names.
func federatedChanges(of Deed, p Modified) (list []Deed) {
	before, after := namesIn(p.Old), namesIn(p.New)
	add := func(action, name string) {
		c := of
		c.Action, c.KeyID, c.Kind, c.Label = action, name, "federated", name
		list = append(list, c)
	}
	for _, n := range after {
		if !slices.Contains(before, n) {
			add(FederatedAdded, n)
		}
	}
	for _, n := range before {
		if !slices.Contains(after, n) {
			add(FederatedRemoved, n)
		}
	}
	return list
}

func namesIn(text string) (list []string) {
	var any []json.RawMessage
	if json.Unmarshal([]byte(text), &any) != nil {
		return nil
	}
	for _, raw := range any {
		var object struct{ Name string }
		var plain string
		switch {
		case json.Unmarshal(raw, &plain) == nil && plain != "":
			list = append(list, plain)
		case json.Unmarshal(raw, &object) == nil && object.Name != "":
			list = append(list, object.Name)
		}
	}
	return list
}

// ThroughAgent is what a user agent says of the way that a change came.
func ThroughAgent(agent string) string {
	a := strings.ToLower(agent)
	for _, k := range []struct{ has, is string }{
		{"azuread/powershell", "PowerShell"}, {"powershell", "PowerShell"}, {"python/", "Azure CLI or Python"}, {"azurecli", "Azure CLI"},
		{"terraform", "Terraform"}, {"graph explorer", "Graph Explorer"}, {"rekey", "rekey"}, {"mozilla/", "a browser: the portal"}, {"azsdk", "an SDK"}, {"evolutionclient", "Microsoft Graph"},
	} {
		if strings.Contains(a, k.has) {
			return k.is
		}
	}
	if len(agent) > 80 {
		return strings.ToValidUTF8(agent[:80], "") + "..."
	}
	return agent
}
