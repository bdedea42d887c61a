package diagnosis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// certificate judges an assertion that was signed with a certificate Entra did not
// take.
func (l *walker) certificate(ctx context.Context, link *Link) {
	words, now := l.words(), time.Now()
	list := l.keys()
	thumb := thumbprint(l.w.Facts.Thumbprint)
	words["thumbprint"] = thumb
	var found *key
	valid, ended := 0, 0
	for _, k := range list {
		if now.Before(k.Ends) {
			valid++
		} else {
			ended++
		}
		if thumb != "" && k.thumbprint() == thumb {
			found = &k
		}
	}
	link.asked("certificates of "+words["app"], "%d, of which %d have expired", len(list), ended)
	if h := l.signIns(ctx, link); h.last != nil && h.last.Status.Code == 0 && !l.w.Facts.Time.IsZero() && h.last.At.After(l.w.Facts.Time.Add(time.Second)) && valid > 0 && (thumb == "" || found != nil && now.Before(found.Ends)) {
		link.holds("the application has signed in since (%s)", h.last.At.UTC().Format(time.DateTime))
		return
	}
	switch {
	case found != nil && !now.Before(found.Ends):
		link.broken("certificate.expired", words, "the certificate %s expired on %s", thumb, day(found.Ends))
	case found != nil && strings.Contains(strings.ToLower(l.inquiry.Text), "key used is expired"):
		link.holds("the certificate %s is registered and valid until %s", thumb, day(found.Ends))
	case found != nil:
		link.broken("certificate.mismatch", words, "the certificate %s is registered and valid until %s; the assertion was not signed with its private key", thumb, day(found.Ends))
	case thumb == "" && valid == 0 && ended > 0:
		link.broken("certificate.expired", words, "all %d certificates of the application have expired", ended)
	default:
		l.unregistered(ctx, link, thumb, valid, words)
	}
}

func (l *walker) unregistered(ctx context.Context, link *Link, thumb string, valid int, words map[string]string) {
	h := l.signIns(ctx, link)
	present := func(id string) bool {
		return slices.ContainsFunc(l.keys(), func(k key) bool { return strings.EqualFold(k.KeyID, id) }) ||
			slices.ContainsFunc(l.passwords(), func(p password) bool { return strings.EqualFold(p.KeyID, id) })
	}
	if h.accepted != nil && h.accepted.KeyID != "" && !present(h.accepted.KeyID) {
		who := ""
		if c := removal(l.changes(ctx, link), h.accepted.KeyID); c != nil {
			who = ", " + c.who()
		}
		words["who"], words["key"] = who, h.accepted.KeyID
		link.broken("certificate.removed", words, "the certificate with the key id %s, with which it last signed in, was taken away%s", h.accepted.KeyID, who)
		return
	}
	c := removal(l.changes(ctx, link), "")
	what := "the certificate"
	if thumb != "" {
		what += " " + thumb
	}
	if c != nil {
		words["who"] = ", " + c.who()
		link.between("Was "+what+" ever registered on this application?", words, []string{"certificate.removed", "certificate.unregistered"},
			"%s is not registered on the application; a credential was taken away %s", what, c.who())
		return
	}
	if thumb == "" && valid > 0 {
		link.between("What is the thumbprint of the certificate that the consumer signs with? (openssl x509 -in cert.pem -noout -fingerprint -sha1)", words,
			[]string{"certificate.unregistered", "certificate.mismatch", "certificate.expired"}, "the application has %d valid certificates; which one was used is not known", valid)
		return
	}
	link.broken("certificate.unregistered", words, "%s is not among the %d certificates of the application", what, len(l.keys()))
}

// trust is a federatedIdentityCredential.
type trust struct {
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

// federated compares what the foreign token said with what the application trusts.
func (l *walker) federated(ctx context.Context, link *Link) {
	words, f := l.words(), &l.w.Facts
	if l.app == nil {
		link.unclear("the application lives in another tenant; what it trusts cannot be seen from here")
		return
	}
	var page struct {
		Value []trust `json:"value"`
	}
	if err := l.get(ctx, link, l.graph, "federatedIdentityCredentials of "+l.app.ID, "/v1.0/applications/"+l.app.ID+"/federatedIdentityCredentials", &page); err != nil {
		link.unclear("what the application trusts could not be read: %s", sentenceOf(err))
		return
	}
	link.asked("federatedIdentityCredentials of "+l.app.ID, "%d", len(page.Value))
	if len(page.Value) == 0 {
		link.broken("federated.none", words, "the application trusts no foreign issuer at all")
		return
	}
	words["issuer"], words["subject"], words["audience"] = f.Issuer, f.Subject, f.Audience
	if f.Issuer == "" && f.Subject == "" && f.Audience == "" {
		link.between("What are iss, sub and aud of the token that is presented?", words, []string{"federated.subject", "federated.issuer", "federated.audience"},
			"the application trusts %s; what was presented is not known", trusts(page.Value))
		return
	}
	kept := page.Value
	for _, part := range []struct {
		cause, given string
		fits         func(trust) bool
	}{
		{"federated.issuer", f.Issuer, func(t trust) bool { return t.Issuer == f.Issuer }},
		{"federated.audience", f.Audience, func(t trust) bool { return slices.Contains(t.Audiences, f.Audience) }},
		{"federated.subject", f.Subject, func(t trust) bool { return t.Subject == f.Subject }},
	} {
		if part.given == "" {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(kept), func(t trust) bool { return !part.fits(t) })
		if len(rest) == 0 {
			words["trusted"] = trusts(kept)
			link.broken(part.cause, words, "the token has %q; the application trusts %s", clip(part.given, 200), trusts(kept))
			return
		}
		kept = rest
	}
	link.holds("%s fits what was presented", kept[0].Name)
}

func trusts(list []trust) string {
	var words []string
	for _, t := range list[:min(3, len(list))] {
		words = append(words, fmt.Sprintf("issuer %s, subject %s, audience %s", clip(t.Issuer, 120), clip(t.Subject, 160), clip(strings.Join(t.Audiences, " "), 100)))
	}
	return strings.Join(words, "; or ")
}

// anyCredential judges when nothing says which credential was sent.
func (l *walker) anyCredential(ctx context.Context, link *Link) {
	if l.isSecret() && l.content != "" || !l.inquiry.Secret.IsZero() {
		if l.byValue(ctx, link) {
			return
		}
	}
	if s := l.w.Facts.Shape; s.Known() && l.value.IsZero() && l.byShape(ctx, link, s) {
		return
	}
	now, words := time.Now(), l.words()
	valid, soon := []string{}, ""
	for _, p := range l.passwords() {
		if p.valid(now) {
			valid = append(valid, p.words())
			if p.Ends.Sub(now) < 14*24*time.Hour {
				soon = fmt.Sprintf("; %s ends on %s", p.words(), day(p.Ends))
			}
		}
	}
	for _, k := range l.keys() {
		if now.Before(k.Ends) {
			valid = append(valid, "the certificate "+k.thumbprint())
		}
	}
	if len(valid) > 0 {
		link.holds("it has %d valid credentials: %s%s", len(valid), strings.Join(valid[:min(3, len(valid))], ", "), soon)
		return
	}
	if l.app != nil {
		var page struct {
			Value []trust `json:"value"`
		}
		if l.get(ctx, link, l.graph, "federatedIdentityCredentials of "+l.app.ID, "/v1.0/applications/"+l.app.ID+"/federatedIdentityCredentials", &page) == nil && len(page.Value) > 0 {
			link.holds("it trusts %s", trusts(page.Value))
			return
		}
	}
	switch {
	case len(l.passwords()) > 0:
		link.broken("secret.expired", words, "all %d secrets of the application have expired, the last on %s", len(l.passwords()), day(last(l.passwords()).Ends))
	case len(l.keys()) > 0:
		link.broken("certificate.expired", words, "all %d certificates of the application have expired", len(l.keys()))
	case l.app == nil:
		link.unclear("its credentials are in its home tenant and cannot be seen from here")
	default:
		link.broken("credential.none", words, "the application has no credential of any kind")
	}
}
