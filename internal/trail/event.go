package trail

import (
	"cmp"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// Place is the vault entry that an event is about; its name is empty if it is
// about none.
func (e *Event) Place() inventory.Place {
	return inventory.Place{Vault: e.Vault, Name: e.Entry, Version: e.Version}
}

func (e *Event) clue() Clue {
	return Clue{
		Object: inventory.ObjectID(e.Object), KeyID: e.KeyID, Label: e.Label, Request: e.Correlation, Place: e.Place(), Mark: e.Detail["rotation"],
	}
}

// adds reports whether an event lets somebody in who could not get in before.
func (e *Event) adds() bool { return (connector.Deed{Action: e.Action}).Adds() }

// Who is the actor as people read it: the name, the address, and the way.
func (e *Event) Who() string {
	a := e.Actor
	who := cmp.Or(a.Name, string(a.ClientID), string(a.ID), "somebody")
	switch a.Kind {
	case "app":
		who = "the application " + who
	case "system":
		who = "Microsoft's " + who
	}
	if a.Address != "" {
		who += " from " + a.Address
	}
	if e.Through != "" {
		who += " through " + e.Through
	}
	return who
}

// What is the act as people read it.
func (e *Event) What() string {
	thing := strings.TrimSpace(kindWord(e.Kind) + " " + quoted(e.Label))
	switch e.Action {
	case connector.CredentialAdded:
		return fmt.Sprintf("added %s (%s)", thing, e.KeyID)
	case connector.CredentialRemoved:
		return fmt.Sprintf("removed %s (%s)", thing, e.KeyID)
	case connector.OwnerAdded:
		return "made " + cmp.Or(e.Label, e.KeyID) + " an owner"
	case connector.OwnerRemoved:
		return "took ownership from " + cmp.Or(e.Label, e.KeyID)
	case connector.FederatedAdded:
		return "added the federated credential " + quoted(e.Label)
	case connector.FederatedRemoved:
		return "removed the federated credential " + quoted(e.Label)
	case connector.VersionAdded:
		return "wrote a new version of " + e.Place().String()
	case connector.VersionNearEnd:
		return e.Place().String() + " ends soon"
	case connector.VersionEnded:
		return e.Place().String() + " has ended"
	case connector.SignedIn:
		return strings.TrimSpace("signed in " + e.Detail["resource"])
	case connector.EntryRead:
		return "read " + e.Place().String()
	}
	return cmp.Or(e.Operation, e.Action)
}

func kindWord(kind string) string {
	switch kind {
	case "Password", "clientSecret":
		return "client secret"
	case "AsymmetricX509Cert", "certificate":
		return "certificate"
	case "":
		return "credential"
	}
	return kind
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}
