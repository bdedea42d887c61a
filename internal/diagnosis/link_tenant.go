package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// tenant says whether the tenant of the sign-in exists, by Entra's own word.
func (l *walker) tenant(ctx context.Context) {
	link, f := l.w.At(Tenant), &l.w.Facts
	ours := l.plain.resolve(ctx, l.Patient.Tenant)
	link.asked("openid-configuration of "+clip(l.Patient.Tenant, 100), "%s", ours.words)
	asked, given := ours, f.Tenant
	if given == "" {
		given = l.Patient.Tenant
	} else if !strings.EqualFold(given, l.Patient.Tenant) {
		asked = l.plain.resolve(ctx, given)
		link.asked("openid-configuration of "+clip(given, 100), "%s", asked.words)
	}
	words := map[string]string{"tenant": clip(given, 100), "ours": l.Patient.Tenant}
	switch {
	case f.Tenant == "" && l.symptom != nil && l.symptom.Link == Tenant && asked.id != "":
		link.unclear("rekey's own tenant exists; which one the failing program asks is not in the text")
	case asked.id != "" && strings.EqualFold(asked.id, ours.id):
		link.holds("the tenant %s exists", asked.id)
	case asked.id != "":
		l.foreign = true
		link.unclear("the text speaks of the tenant %s, which exists and is not the one that rekey looks after (%s): what is in it cannot be seen from here", asked.id, ours.id)
	case asked.code == 900023:
		link.broken("tenant.malformed", words, "%q is neither the id of a tenant nor a domain", clip(given, 100))
	case asked.code == 90038:
		link.broken("tenant.cloud", words, "the tenant %q is in another national cloud", clip(given, 100))
	case asked.code == 90002:
		link.broken("tenant.missing", words, "Entra knows no tenant %q", clip(given, 100))
	default:
		link.unclear("whether the tenant %q exists could not be asked: %s", clip(given, 100), asked.words)
	}
}

// met is what Entra says of a tenant's name.
type met struct {
	id    string // GUID; empty if it is not known
	code  int    // AADSTS
	words string
}

var issuerTenant = regexp.MustCompile(`/([0-9a-fA-F-]{36})/`)

// resolve asks Entra for a tenant, which it tells anybody.
func (d *doctor) resolve(ctx context.Context, name string) met {
	if name == "" || len(name) > 200 {
		return met{words: "no tenant is named"}
	}
	resp, err := d.get(ctx, d.login()+"/"+url.PathEscape(name)+"/v2.0/.well-known/openid-configuration")
	if err != nil {
		what, _ := d.unreachable(err)
		return met{words: what}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return met{words: "the answer was cut off"}
	}
	var found struct {
		Issuer string `json:"issuer"`
	}
	if resp.StatusCode == http.StatusOK {
		if json.Unmarshal(body, &found) != nil || found.Issuer == "" {
			return met{words: "the answer is not Entra's: a proxy or a sign-in page may have answered in its place"}
		}
		m := issuerTenant.FindStringSubmatch(found.Issuer + "/")
		if m == nil {
			return met{words: "the answer names no tenant"}
		}
		return met{id: strings.ToLower(m[1]), words: "it is " + strings.ToLower(m[1])}
	}
	m := aadsts.FindSubmatch(body)
	if m == nil {
		return met{words: fmt.Sprintf("status %d", resp.StatusCode)}
	}
	code, _ := strconv.Atoi(string(m[1])) // digits only
	return met{code: code, words: "AADSTS" + string(m[1])}
}
