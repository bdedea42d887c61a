package diagnosis

import (
	"context"
	"net/netip"
	"strings"
)

// outside reports whether the consumer runs in Microsoft's own network, which no
// private endpoint and no rule for a virtual network of ours lets in.
func (l *walker) outside() bool {
	f := &l.w.Facts
	return f.Environment != "" || f.Path != "" || l.symptom != nil && (strings.HasPrefix(l.symptom.Name, "fno-") || strings.HasPrefix(l.symptom.Name, "power-")) || l.symptomNamed("fno-", "power-")
}

func (l *walker) symptomNamed(prefixes ...string) bool {
	for _, s := range l.w.Symptoms {
		for _, p := range prefixes {
			if strings.HasPrefix(s.Name, p) {
				return true
			}
		}
	}
	return false
}

// vaultWay says whether the vault's firewall lets the consumer in, as far as its
// settings tell. Whether a consumer stands in a network that is let in cannot be
// seen from outside.
func (l *walker) vaultWay(_ context.Context) {
	link := l.w.At(VaultWay)
	if l.w.Facts.Vault == "" || l.w.At(VaultName).Verdict == Broken {
		return
	}
	if l.vault == nil {
		link.unclear("the vault is in none of the subscriptions that rekey may look into")
		return
	}
	p, words := l.vault.Properties, l.words()
	words["address"] = l.w.Facts.Address
	rules := len(p.ACLs.IPs)
	link.asked("network settings of "+l.vault.Name, "publicNetworkAccess %s, defaultAction %s, %d address rules", p.Public, p.ACLs.Default, rules)
	said := l.symptom != nil && l.symptom.Link == VaultWay
	switch {
	case strings.EqualFold(p.Public, "Disabled"):
		if said || l.outside() {
			link.broken("vault.private", words, "%s takes no connection but through a private endpoint", l.vault.Name)
			return
		}
		link.unclear("%s takes no connection but through a private endpoint; whether the consumer has one cannot be seen from here", l.vault.Name)
	case strings.EqualFold(p.ACLs.Default, "Deny"):
		switch {
		case l.allowed():
			link.holds("the firewall of %s lets %s in", l.vault.Name, l.w.Facts.Address)
		case said || l.outside() && rules == 0:
			link.broken("vault.firewall", words, "the firewall of %s lets only listed networks in (%d addresses)", l.vault.Name, rules)
		default:
			link.unclear("the firewall of %s lets only listed networks in; whether the consumer is in one cannot be seen from here", l.vault.Name)
		}
	default:
		link.holds("%s can be reached from any network", l.vault.Name)
	}
}

// allowed reports whether one of the firewall's rules covers the client's address.
func (l *walker) allowed() bool {
	at, err := netip.ParseAddr(l.w.Facts.Address)
	if err != nil {
		return false
	}
	for _, r := range l.vault.Properties.ACLs.IPs {
		if p, err := netip.ParsePrefix(r.Value); err == nil && p.Contains(at) {
			return true
		}
		if a, err := netip.ParseAddr(r.Value); err == nil && a == at {
			return true
		}
	}
	return false
}
