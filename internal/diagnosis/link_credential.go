package diagnosis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// credential says whether what the application signs in with is known and valid.
func (l *walker) credential(ctx context.Context) {
	link := l.w.At(Credential)
	if l.app == nil && l.principal == nil {
		return
	}
	if l.principal != nil && l.principal.Type == "ManagedIdentity" {
		link.holds("a managed identity has no credential that could be wrong")
		return
	}
	l.lastFailure(ctx, link)
	switch l.sent() {
	case "secret":
		l.secret(ctx, link)
	case "certificate":
		l.certificate(ctx, link)
	case "federated":
		l.federated(ctx, link)
	default:
		l.anyCredential(ctx, link)
	}
}

// lastFailure takes the newest record of the sign-in log for the symptom, where the
// text names none that tells which link it is.
func (l *walker) lastFailure(ctx context.Context, link *Link) {
	if l.symptom != nil && l.symptom.Link != "" && !l.symptom.Weak {
		return
	}
	h := l.signIns(ctx, link)
	if h.last == nil || h.last.Status.Code == 0 {
		return
	}
	if s, ok := symptomOf(fmt.Sprintf("AADSTS%d", h.last.Status.Code)); ok {
		l.symptom = &s
		l.w.Symptoms = append([]Symptom{s}, l.w.Symptoms...)
		l.remark("the sign-in log has it: %s", h.words())
	}
}

// sent is what kind of credential the symptom speaks of.
func (l *walker) sent() string {
	if l.symptom == nil || l.symptom.Link != Credential || len(l.symptom.Causes) == 0 {
		return ""
	}
	kind, _, _ := strings.Cut(l.symptom.Causes[0], ".")
	return kind
}

func (l *walker) words() map[string]string {
	w := map[string]string{"client": l.w.Facts.Client, "tenant": l.Patient.Tenant, "app": l.w.Facts.Client, "vault": l.w.Facts.vaultName(), "secret": l.w.Facts.Secret}
	if l.app != nil {
		w["app"], w["object"] = l.app.Name, l.app.ID
	} else if l.principal != nil {
		w["app"] = l.principal.Name
	}
	if l.principal != nil {
		w["principal"] = l.principal.ID
	}
	return w
}

// secret judges a client secret: by the value, by its form, by the records.
func (l *walker) secret(ctx context.Context, link *Link) {
	if l.says("secret.empty") {
		link.unclear("the value itself was empty, says Entra; it has not looked at any secret")
		return
	}
	if l.isSecret() && l.byValue(ctx, link) {
		return
	}
	if l.w.Facts.Shape.Known() && l.value.IsZero() && l.byShape(ctx, link, l.w.Facts.Shape) {
		return
	}
	if l.says("secret.expired") {
		l.expired(ctx, link)
		return
	}
	l.refused(ctx, link)
}

// says reports whether the symptom's usual cause is this one.
func (l *walker) says(cause string) bool {
	return l.symptom != nil && len(l.symptom.Causes) > 0 && l.symptom.Causes[0] == cause
}

// isSecret reports whether we hold a value that is meant to be a client secret.
func (l *walker) isSecret() bool {
	return !l.value.IsZero() && (l.content == "" || l.content == contentSecret || l.content == contentID)
}

// byValue signs in with the value, and finds out what is wrong with it if it is
// refused. What is wrong with a value that a vault holds is said of the vault.
func (l *walker) byValue(ctx context.Context, link *Link) bool {
	client, shape := l.w.Facts.Client, ShapeOf(l.value)
	code := l.try(ctx, link, client, l.from, l.value)
	switch code {
	case -1:
		return false
	case 0:
		link.holds("%s signs in", l.from)
		l.good = true
		return true
	case 7000222:
		l.ofValue(link, "secret.expired", "the secret "+l.from+" holds has expired")
		return true
	case 53003:
		link.holds("%s is right: Entra refuses for another reason", l.from)
		l.w.At(Policy).broken("conditional-access", l.words(), "a sign-in with it from here ends with AADSTS53003")
		return true
	case 7000215:
	default:
		return false
	}
	if shape.GUID {
		l.ofValue(link, "secret.id-pasted", l.from+" is a GUID, which no client secret is"+l.whoseID(shape.KeyID))
		return true
	}
	for what, again := range map[string]string{
		"without the white space and quotes around it": strings.Trim(l.value.Reveal(), " \t\r\n\"'`"),
		"with its %-codes decoded":                     decoded(l.value.Reveal()),
	} {
		if again != l.value.Reveal() && l.try(ctx, link, client, "it, "+what, secret.New(again)) == 0 {
			l.ofValue(link, "secret.mangled", l.from+" signs in "+what)
			return true
		}
	}
	if l.byShape(ctx, link, shape) {
		if link.Verdict == Broken {
			l.ofValue(link, link.Cause, link.Found)
		}
		return true
	}
	l.ofValue(link, "secret.unknown", l.from+" is refused, and it begins like none of the application's secrets")
	return true
}

// ofValue says what is wrong with the value: of the credential, or of the vault
// entry that holds it while the application has another one that is valid.
func (l *walker) ofValue(link *Link, cause, found string) {
	words := l.words()
	if l.fromVault && (cause == "secret.expired" || cause == "secret.removed" || cause == "secret.unknown") && l.newest() != nil {
		link.Cause, link.fill = "", nil
		link.holds("%s has a valid secret: %s", words["app"], l.newest().words())
		words["key"] = l.newest().words()
		l.w.At(Current).broken("entry.stale", words, "%s; %s is valid", found, l.newest().words())
		return
	}
	if l.fromVault && (cause == "secret.mangled" || cause == "secret.id-pasted") {
		link.Cause, link.fill = "", nil
		link.holds("%s has secrets of its own; what the vault holds is the question", words["app"])
		l.w.At(Current).broken(map[string]string{"secret.mangled": "entry.mangled", "secret.id-pasted": "entry.id-stored"}[cause], words, "%s", found)
		return
	}
	link.broken(cause, words, "%s", found)
}

// newest is the valid secret that began last.
func (l *walker) newest() (best *password) {
	for _, p := range l.passwords() {
		if p.valid(time.Now()) && (best == nil || p.Starts.After(best.Starts)) {
			best = &p
		}
	}
	return best
}

// whoseID tells whether a GUID is the id of one of the application's secrets.
func (l *walker) whoseID(id string) string {
	for _, p := range l.passwords() {
		if strings.EqualFold(p.KeyID, id) {
			return ": it is the id of the secret that begins with " + p.Hint
		}
	}
	return ""
}
