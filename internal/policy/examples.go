package policy

import (
	"fmt"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// The examples of the rules are put together from these. Their today is always
// the same day, and ages and ends are counted in days from it.
var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return today.AddDate(0, 0, n) }

func secret(starts, expires int) inventory.Held {
	return inventory.Held{Credential: inventory.Credential{KeyID: fmt.Sprintf("key%+d", starts), Kind: inventory.ClientSecret, Hint: "abc", Starts: days(starts), Expires: days(expires)}}
}

func certificate(starts, expires int) inventory.Held {
	c := secret(starts, expires)
	c.Kind, c.Hint, c.Thumbprint = inventory.Certificate, "", "AB12"
	return c
}

func endless() inventory.Held {
	c := secret(-10, 0)
	c.Expires = time.Time{}
	return c
}

func federated() inventory.Held {
	c := endless()
	c.Kind = inventory.Federated
	return c
}

func used(ago int, c inventory.Held) inventory.Held {
	c.LastUsed = days(-ago)
	return c
}

func appeared(ago int, c inventory.Held) inventory.Held {
	c.Appeared = days(-ago)
	return c
}

func kept(k inventory.Kept, c inventory.Held) inventory.Held {
	c.Places = append(c.Places, k)
	return c
}

func accessKey() inventory.Held {
	c := endless()
	c.Kind, c.KeyID = inventory.AccessKey, "key1"
	return c
}

func holding(list ...inventory.Held) inventory.Holding {
	return owned(2, inventory.Holding{Application: inventory.Application{ObjectID: "object", ClientID: "client", Holder: inventory.InApplications, Name: "D365_Basware_InvoiceExport", Enabled: true}, Credentials: list})
}

func titled(name string, h inventory.Holding) inventory.Holding {
	h.Name = name
	return h
}

// named is an application whose secret is kept under these names.
func named(name string, kept ...string) inventory.Holding {
	c := secret(-10, 300)
	for _, k := range kept {
		c.Places = append(c.Places, at("kv-contoso", k, 300))
	}
	return titled(name, holding(c))
}

func owned(people int, h inventory.Holding) inventory.Holding {
	h.Owners = nil
	for i := range people {
		h.Owners = append(h.Owners, inventory.Owner{ObjectID: inventory.ObjectID(fmt.Sprint(i)), Kind: "user"})
	}
	return h
}

func ownedByProgram(h inventory.Holding) inventory.Holding {
	h.Owners = []inventory.Owner{{ObjectID: "p", Kind: "servicePrincipal"}}
	return h
}

func as(kind string, h inventory.Holding) inventory.Holding {
	h.Holder, h.Kind = inventory.InServicePrincipals, kind
	return h
}

func principal(h inventory.Holding) inventory.Holding { return as("Application", h) }

func saml(h inventory.Holding) inventory.Holding {
	h.SSO = "saml"
	return h
}

func at(vault, name string, expires int) inventory.Kept {
	return inventory.Kept{Entry: inventory.Entry{Place: inventory.Place{Vault: vault + ".vault.azure.net", Name: name}, Kind: "secret", Enabled: true, Expires: days(expires)}, How: "tag"}
}

func undated(k inventory.Kept) inventory.Kept {
	k.Expires = time.Time{}
	return k
}

func guessed(k inventory.Kept) inventory.Kept {
	k.How = "hint"
	return k
}

func holds(application string, k inventory.Kept) inventory.Kept {
	k.Holder, k.KeyID, k.HolderName, k.Ends = "object", "key", application, days(100)
	return k
}

func disabled(k inventory.Kept) inventory.Kept {
	k.Enabled = false
	return k
}

func ofKind(kind string, k inventory.Kept) inventory.Kept {
	k.Kind = kind
	return k
}
