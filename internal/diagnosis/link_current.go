package diagnosis

import (
	"context"
	"strings"
	"time"
)

// whichEntry fills in what one fact tells of another: the application whose secret
// an entry holds, by what the inventory knows.
func (l *walker) whichEntry(ctx context.Context) {
	f := &l.w.Facts
	if f.Path != "" {
		l.path()
	}
	if f.Client == "" && f.CallerApp != "" {
		f.Client = f.CallerApp
	}
	if f.Client != "" || l.inquiry.App != "" || f.Vault == "" || f.Secret == "" || l.Recall.Place == nil {
		return
	}
	list, err := l.Recall.Place(ctx, l.place())
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, r := range list {
		if !r.Gone && r.Application.ClientID != "" && !seen[string(r.Application.ClientID)] {
			seen[string(r.Application.ClientID)] = true
			f.Client = string(r.Application.ClientID)
		}
	}
	if len(seen) > 1 {
		f.Client = ""
		return
	}
	if f.Client != "" {
		l.w.At(Application).asked("the inventory, whose secret "+l.place().String()+" holds", "%s", f.Client)
	}
}

// path takes an ARM path of a vault entry apart, as Power Platform keeps it.
func (l *walker) path() {
	f := &l.w.Facts
	parts := strings.Split(strings.Trim(f.Path, "/"), "/")
	if len(parts) >= 8 && f.Vault == "" {
		f.Vault = strings.ToLower(parts[7]) + vaultSpan
	}
	if len(parts) >= 10 && f.Secret == "" {
		f.Secret = parts[9]
	}
}

// whereKept takes the place of an application's secret from the inventory.
func (l *walker) whereKept(ctx context.Context) {
	f := &l.w.Facts
	o := l.app
	if o == nil {
		o = l.principal
	}
	if f.Vault != "" || o == nil || l.Recall.Kept == nil || l.inquiry.App == "" {
		return
	}
	places, err := l.Recall.Kept(ctx, o.ID)
	if err != nil || len(places) == 0 {
		return
	}
	f.Vault, f.Secret = places[0].Vault, places[0].Name
	l.w.At(VaultName).asked("the inventory, where secrets of "+o.Name+" are kept", "%d places, first %s", len(places), places[0])
	for _, p := range places[1:] {
		l.remark("a secret of it is also kept at %s: rekey diagnose --entry %s looks there", p, p)
	}
}

// current says whether what the vault holds is the newest credential.
func (l *walker) current(ctx context.Context) {
	link := l.w.At(Current)
	if link.decided() || l.newestVersion == nil {
		return
	}
	if strings.TrimSpace(l.value.Reveal()) != l.value.Reveal() && l.fromVault && l.content != contentSecret {
		link.broken("entry.mangled", l.words(), "the value ends or begins with white space")
		return
	}
	if l.content == contentID && l.app == nil {
		link.broken("entry.id-stored", l.words(), "the value is a GUID, as the id of a secret is and no value")
		return
	}
	if l.app == nil && l.principal == nil || !l.fromVault && l.newestVersion.Tags["key-id"] == "" || l.content == contentConnection || l.content == contentKey && !l.good || l.content == contentOther {
		return
	}
	best, words := l.newest(), l.words()
	if best == nil {
		return
	}
	words["key"] = best.words()
	if l.fromVault {
		hint := ShapeOf(l.value).Hint
		link.asked("the first three characters of the value", "%s", hint)
		for _, p := range l.passwords() {
			if p.Hint == hint && p.valid(time.Now()) {
				link.holds("it holds %s, which is valid until %s", p.words(), day(p.Ends))
				if p.KeyID != best.KeyID {
					l.remark("%s is newer than what the vault holds", best.words())
				}
				return
			}
		}
		if !l.good {
			link.broken("entry.stale", words, "it holds none of the application's valid secrets; %s is valid", best.words())
			return
		}
		link.holds("it holds a value that signs in")
		return
	}
	id := l.newestVersion.Tags["key-id"]
	link.asked("the tag key-id", "%s", id)
	for _, p := range l.passwords() {
		if strings.EqualFold(p.KeyID, id) && p.valid(time.Now()) {
			link.holds("its tag names %s, which is valid until %s", p.words(), day(p.Ends))
			return
		}
	}
	link.broken("entry.stale", words, "its tag names the secret %s, which is not among the valid ones; %s is", clip(id, 40), best.words())
}
