package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
)

// rotatable refuses what no plan can do.
func rotatable(by access.Actor, q Request) error {
	if !slices.Contains(Plans, q.Plan) {
		return invalid("there is no plan %q; the plans are %s", q.Plan, strings.Join(Plans, ", "))
	}
	switch q.Old.Kind {
	case inventory.ClientSecret, inventory.Certificate:
		if q.Application.Holder == inventory.InResources {
			return invalid("%s of %q is a %s, and a resource has keys", q.Old.KeyID, q.Application.Name, q.Old.Kind)
		}
	case inventory.AccessKey:
		if q.Application.Holder != inventory.InResources {
			return invalid("%s of %q is an access key, and no resource holds it", q.Old.KeyID, q.Application.Name)
		}
	case inventory.SAMLSigning:
		return invalid("%s signs SAML answers for %q: its successor has to be known to the other side first, so rekey never touches it", q.Old.KeyID, q.Application.Name)
	default:
		return invalid("%s is a %s; rekey rotates client secrets, certificates and access keys", q.Old.KeyID, noun(q.Old.Kind))
	}
	if q.Plan != "revoke" && (q.Place.Vault == "" || q.Place.Name == "") {
		return invalid("no vault entry is known to hold the secret of %q; say where the new one goes: --to VAULT/NAME, or --to %s/NAME", q.Application.Name, inventory.Embedded)
	}
	if q.Lifetime < 0 || q.Lifetime > 2*365*24*time.Hour {
		return invalid("a lifetime of %s is outside one day to two years", q.Lifetime)
	}
	if q.Lifetime > 0 && q.Lifetime < 24*time.Hour {
		return invalid("a lifetime of %s is under one day", q.Lifetime)
	}
	return urgent(by, q)
}

// urgent refuses what only an emergency may ask for.
func urgent(by access.Actor, q Request) error {
	if q.Plan != "emergency" && q.Plan != "revoke" {
		if q.BreakGlass != "" {
			return invalid("only an emergency or a revocation can be decided by one person alone")
		}
		if len(q.Keep)+len(q.Remove) > 0 {
			return invalid("a %s rotation touches no other credential: --keep and --remove belong to an emergency", q.Plan)
		}
		return nil
	}
	if q.BreakGlass != "" && by.Role != access.Administrator {
		return &access.DeniedError{Actor: by, Action: access.ApproveRotation, Why: "only an administrator can break the glass; somebody else has to approve"}
	}
	return nil
}

// others lists everybody else who can act as the application. In an emergency
// each of them is to be kept or removed, in so many words (SAFETY F50).
func others(ctx context.Context, sys Systems, q Request) ([]Other, error) {
	keeper, ok := sys.Issuer.(connector.Gatekeeper)
	if !ok || q.Plan != "emergency" && q.Plan != "revoke" {
		return nil, nil
	}
	ways, err := keeper.Ways(ctx, q.Application)
	if err != nil {
		return nil, fmt.Errorf("cannot list who else can act as %q: %w", q.Application.Name, err)
	}
	var list, open []Other
	for _, w := range ways {
		if w.ID == q.Old.KeyID {
			continue
		}
		o := Other{Way: w, Keep: named(q.Keep, w.ID)}
		switch {
		case o.Keep && named(q.Remove, w.ID):
			return nil, invalid("%s is to be kept and to be removed; say one of the two", o)
		case o.Keep || named(q.Remove, w.ID):
		case slices.Contains(q.Keep, "*"):
			o.Keep = true
		case !slices.Contains(q.Remove, "*"):
			open = append(open, o)
		}
		if !o.Keep && w.Kind == inventory.SAMLSigning {
			return nil, invalid("%s signs SAML answers; rekey never touches it: keep it", o)
		}
		list = append(list, o)
	}
	if len(open) > 0 && q.Plan == "emergency" {
		return nil, invalid("whoever stole one credential may have added another. Say for each of these whether it stays: --keep ID, --remove ID, or --keep '*' for the rest: %s", withIDs(open))
	}
	if q.Plan == "revoke" { // ends one credential; what is not named for removal stays
		for i := range list {
			list[i].Keep = !named(q.Remove, list[i].ID) && !slices.Contains(q.Remove, "*")
		}
	}
	return list, nil
}

func named(list []string, id string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, id) })
}

// withIDs shows the ids that have to be typed beside the names.
func withIDs(open []Other) string {
	var lines []string
	for _, o := range open {
		line := o.String()
		if !strings.Contains(line, o.ID) {
			line += " (" + o.ID + ")"
		} else if o.Label != "" {
			line += fmt.Sprintf(" (%q)", o.Label)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// judge refuses terms that would be an outage and warns of what a person should know.
func judge(t Terms, list []inventory.Credential) (warnings []string, err error) {
	warnings = []string{}
	if err := inTime(t); err != nil {
		return nil, err
	}
	if left := time.Until(t.Old.Expires); !t.Old.Expires.IsZero() && left <= 0 {
		warnings = append(warnings, "the old secret has already expired: its consumers are down until they read the new one")
	}
	if err := slots(t, list); err != nil {
		return nil, err
	}
	if len(t.Consumers) == 0 {
		warnings = append(warnings, "no consumer is known: nobody can say what breaks; add one under bindings in the configuration, or a consumer tag on the vault entry")
	}
	for _, u := range t.Consumers {
		switch {
		case t.Plan == "revoke":
			warnings = append(warnings, fmt.Sprintf("%s stops at once", u.Consumer))
		case byPerson(u, t.Place) && has(t.Plan, "propagate"):
			warnings = append(warnings, fmt.Sprintf("%s does not read %s: a person has to move it, and the old secret stays until somebody confirms", u.Consumer, t.Place))
		}
	}
	if len(t.Application.Owners) == 0 && t.Application.Holder != inventory.InResources {
		warnings = append(warnings, "the application has no owner")
	}
	if t.Place.Version == "" && t.Plan != "revoke" {
		warnings = append(warnings, fmt.Sprintf("%s does not exist yet and will be created", t.Place))
	}
	if going := t.going(); len(going) > 0 {
		warnings = append(warnings, "removed as well: "+words(going))
	}
	if t.Plan == "emergency" || t.Plan == "revoke" {
		warnings = append(warnings, "tokens that were given out already live on for about an hour; disabling the service principal stops them sooner")
	}
	return warnings, nil
}

// inTime refuses a rotation that would not be over before the old credential is (SAFETY F28).
func inTime(t Terms) error {
	left := time.Until(t.Old.Expires)
	need := time.Duration(t.Timing.Proof) + time.Duration(t.Timing.Overlap)
	if t.Plan != "planned" || t.Old.Expires.IsZero() || left <= 0 || left >= need {
		return nil
	}
	return invalid("the old secret ends in %s, before the overlap of %s is over: consumers that cache it would fail; shorten it with --overlap, for example --overlap %s",
		left.Round(time.Minute), time.Duration(t.Timing.Overlap), (left / 2).Round(time.Minute))
}

// slots is the budget of credentials: Entra lets an application for personal
// accounts have two secrets.
func slots(t Terms, list []inventory.Credential) error {
	if t.Plan == "revoke" || t.Old.Kind != inventory.ClientSecret ||
		t.Application.Audience != "AzureADandPersonalMicrosoftAccount" && t.Application.Audience != "PersonalMicrosoftAccount" {
		return nil
	}
	n := 0
	for _, c := range list {
		if c.Kind == inventory.ClientSecret {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	return invalid("%q allows personal accounts, so Entra lets it have two secrets, and it has %d: remove one that nobody uses first", t.Application.Name, n)
}

// byPerson reports whether nobody but a person can move a consumer.
func byPerson(u Use, p inventory.Place) bool {
	r, err := connector.ParseReference(u.Reference)
	return err != nil || r.Route == connector.ByPerson || r.Route == connector.ReadsVault && !r.Reads(p)
}

// follows reports whether a consumer gets the new value from the vault entry by itself.
func follows(u Use, p inventory.Place) bool {
	r, err := connector.ParseReference(u.Reference)
	return err == nil && r.Reads(p)
}
