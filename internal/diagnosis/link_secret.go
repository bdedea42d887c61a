package diagnosis

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

func decoded(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// marked is the length of the client secrets that Entra makes now.
const marked = 40

// byShape judges by what is known of the value that was sent: its length and its
// first three characters. false: that does not decide it.
func (l *walker) byShape(ctx context.Context, link *Link, s Shape) bool {
	words := l.words()
	if s.GUID {
		link.broken("secret.id-pasted", words, "what was sent is a GUID, which no client secret is%s", l.whoseID(s.KeyID))
		return true
	}
	if s.Hint == "" {
		return false
	}
	var own *password
	for _, p := range l.passwords() {
		if p.Hint == s.Hint && (own == nil || p.valid(time.Now())) {
			own = &p
		}
	}
	link.asked("secrets of "+words["app"]+" that begin with "+s.Hint, "%s", map[bool]string{true: "one", false: "none"}[own != nil])
	if own == nil {
		return l.strange(ctx, link, s)
	}
	words["key"] = own.words()
	now := time.Now()
	refused := l.says("secret.unknown")
	switch {
	case !now.Before(own.Ends) && !refused:
		link.broken("secret.expired", words, "%s expired on %s", own.words(), day(own.Ends))
	case s.Spaces || s.Encoded || s.Odd != "":
		link.broken("secret.mangled", words, "it begins like %s, and has %s", own.words(), s.strange())
	case s.Length > 0 && s.Length != marked && !(s.Length >= 32 && s.Length <= 44 && s.Length != marked && own.legacy()):
		link.broken("secret.mangled", words, "it begins like %s, and is %d characters long instead of %d", own.words(), s.Length, marked)
	case !refused:
		link.holds("it begins like %s, which is valid until %s", own.words(), day(own.Ends))
	case now.Sub(own.Starts) < 10*time.Minute:
		link.between("Is it still refused more than two minutes after the secret was made?", words, []string{"secret.young", "secret.mangled"}, "it begins like %s, which was made at %s", own.words(), own.Starts.UTC().Format("15:04 UTC"))
	case !now.Before(own.Ends):
		link.between("Which code does Entra answer to a value that was copied anew? 7000222 means expired.", words, []string{"secret.expired", "secret.mangled"}, "it begins like %s, which expired on %s; a right value would have been called expired", own.words(), day(own.Ends))
	default:
		link.broken("secret.mangled", words, "it begins like %s, which is valid, and is refused: something behind the first three characters is not what it was", own.words())
	}
	return true
}

// legacy reports whether a secret may have the old form, of another length.
func (p password) legacy() bool { return p.Starts.Before(time.Date(2021, 6, 1, 0, 0, 0, 0, time.UTC)) }

func (s Shape) strange() string {
	var list []string
	if s.Spaces {
		list = append(list, "white space or quotes around it")
	}
	if s.Encoded {
		list = append(list, "%-codes in it")
	}
	if s.Odd != "" {
		list = append(list, s.Odd)
	}
	return strings.Join(list, " and ")
}

// strange judges a value that begins like none of the application's secrets.
func (l *walker) strange(ctx context.Context, link *Link, s Shape) bool {
	words := l.words()
	if l.Recall.Hint != nil {
		list, err := l.Recall.Hint(ctx, s.Hint)
		if err == nil {
			link.asked("the inventory, for secrets that begin with "+s.Hint, "%d", len(list))
		}
		for _, r := range list {
			if l.own(string(r.Application.ObjectID)) && r.Gone {
				who := ""
				if c := removal(l.changes(ctx, link), r.Credential.KeyID); c != nil {
					who = ", " + c.who()
				}
				words["key"], words["who"] = "the secret "+r.Credential.KeyID, who
				link.broken("secret.removed", words, "it begins like the secret %s, which was withdrawn%s", r.Credential.KeyID, who)
				return true
			}
		}
		for _, r := range list {
			if !l.own(string(r.Application.ObjectID)) && !r.Gone {
				words["other"] = r.Application.Name
				if l.isSecret() && l.try(ctx, link, string(r.Application.ClientID), "it, as "+r.Application.Name, l.value) == 0 {
					link.broken("secret.of-another", words, "it signs in as %s, not as %s", r.Application.Name, words["app"])
					return true
				}
				if l.isSecret() {
					continue
				}
				link.broken("secret.of-another", words, "it begins like a secret of %s, and like none of %s", r.Application.Name, words["app"])
				return true
			}
		}
	}
	if c := removal(l.changes(ctx, link), ""); c != nil {
		words["who"] = ", " + c.who()
		link.between("Do the first three characters of the value that was in use before begin with "+s.Hint+"?", words, []string{"secret.removed", "secret.unknown"},
			"it begins like none of the application's secrets; one was withdrawn %s", c.who())
		return true
	}
	link.broken("secret.unknown", words, "it begins like none of the application's %d secrets, and like none that rekey knows", len(l.passwords()))
	return true
}

func (l *walker) own(id string) bool {
	return l.app != nil && strings.EqualFold(l.app.ID, id) || l.principal != nil && strings.EqualFold(l.principal.ID, id)
}

// expired judges what Entra called expired.
func (l *walker) expired(ctx context.Context, link *Link) {
	words, now := l.words(), time.Now()
	var ended []password
	for _, p := range l.passwords() {
		if !now.Before(p.Ends) {
			ended = append(ended, p)
		}
	}
	used := ""
	for _, s := range l.signIns(ctx, link).list {
		if s.Status.Code == 7000222 && s.KeyID != "" && used == "" {
			used = strings.ToLower(s.KeyID)
		}
	}
	valid := ""
	if n := l.newest(); n != nil {
		valid = fmt.Sprintf("; %s is valid until %s, so the consumer was not given it", n.words(), day(n.Ends))
		words["key"] = n.words()
	}
	if h := l.signIns(ctx, link); h.last != nil && h.last.Status.Code == 0 && !l.w.Facts.Time.IsZero() && h.last.At.After(l.w.Facts.Time) && l.newest() != nil && used == "" {
		link.holds("the application has signed in since (%s), with a secret that is valid", h.last.At.UTC().Format(time.DateTime))
		return
	}
	for _, p := range ended {
		if strings.EqualFold(p.KeyID, used) || len(ended) == 1 && used == "" {
			link.broken("secret.expired", words, "%s expired on %s%s", p.words(), day(p.Ends), valid)
			return
		}
	}
	c := removal(l.changes(ctx, link), used)
	switch {
	case len(ended) > 1:
		link.broken("secret.expired", words, "%d secrets have expired, the last on %s%s", len(ended), day(last(ended).Ends), valid)
	case c != nil:
		link.broken("secret.expired", words, "the expired secret is no longer there: it was taken away %s%s", c.who(), valid)
	case len(l.passwords()) == 0:
		link.broken("credential.none", words, "the application has no secret at all")
	default:
		link.holds("no secret of the application has expired%s", valid)
	}
}

func last(list []password) password {
	best := list[0]
	for _, p := range list {
		if p.Ends.After(best.Ends) {
			best = p
		}
	}
	return best
}

// refused judges what Entra called wrong when nothing is known of the value itself:
// by who took a secret away, by who last signed in, by when one was made.
func (l *walker) refused(ctx context.Context, link *Link) {
	words := l.words()
	list := l.passwords()
	changes := l.changes(ctx, link)
	h := l.signIns(ctx, link)
	present := func(keyID string) *password {
		for _, p := range list {
			if strings.EqualFold(p.KeyID, keyID) {
				return &p
			}
		}
		return nil
	}
	if h.last != nil && h.last.Status.Code == 0 && !l.w.Facts.Time.IsZero() && h.last.At.After(l.w.Facts.Time.Add(time.Second)) && present(h.last.KeyID) != nil {
		link.holds("the application has signed in since (%s), with %s", h.last.At.UTC().Format(time.DateTime), present(h.last.KeyID).words())
		return
	}
	if h.accepted != nil && h.accepted.KeyID != "" && present(h.accepted.KeyID) == nil {
		who := ""
		if c := removal(changes, h.accepted.KeyID); c != nil {
			who = ", " + c.who()
		}
		words["key"], words["who"] = "the secret "+h.accepted.KeyID, who
		link.broken("secret.removed", words, "the secret %s, with which it last signed in on %s, was withdrawn%s", h.accepted.KeyID, h.accepted.At.UTC().Format("2006-01-02 15:04 UTC"), who)
		return
	}
	const question = "How long is the value that the consumer is configured with, and what are its first three characters? (rekey diagnose --app ... --hint abc --length 40; nobody needs the rest)"
	candidates := []string{}
	c := removal(changes, "")
	if c != nil {
		candidates, words["who"] = append(candidates, "secret.removed"), ", "+c.who()
	} else if l.noAudit {
		candidates = append(candidates, "secret.removed")
	}
	if n := l.newest(); n != nil && time.Since(n.Starts) < 15*time.Minute {
		words["key"] = n.words()
		candidates = append(candidates, "secret.young")
	}
	candidates = append(candidates, "secret.unknown", "secret.id-pasted", "secret.mangled", "secret.of-another")
	found := fmt.Sprintf("the application has %d secrets; which value was sent is not known", len(list))
	switch {
	case len(list) == 0 && c == nil:
		link.broken("credential.none", words, "the application has no secret at all")
		return
	case len(list) == 0:
		link.broken("secret.removed", words, "the application has no secret any more: the last was withdrawn %s", c.who())
		return
	case h.accepted != nil:
		found = fmt.Sprintf("it last signed in on %s with %s, which is still there: what the consumer sends was changed since", h.accepted.At.UTC().Format(time.DateTime), present(h.accepted.KeyID).words())
		candidates = candidates[max(0, len(candidates)-4):]
	case c != nil:
		found += "; one was withdrawn " + c.who()
	}
	link.between(question, words, candidates, "%s", found)
}
