package diagnosis

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var (
	vaultHostForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)$`)
	bearerTenant  = regexp.MustCompile(`authorization(?:_uri)?="https://[^/"]+/([0-9a-fA-F-]{36})`)
)

// vaultName says whether there is such a vault, and whose it is. Whoever asks a
// vault without a token is told its tenant.
func (l *walker) vaultName(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(VaultName)
	if f.Vault == "" {
		return
	}
	words := l.words()
	words["host"] = f.Vault
	if !vaultHostForm.MatchString(f.Vault) {
		link.broken("vault.malformed", words, "%q is not the address of a Key Vault", clip(f.Vault, 100))
		return
	}
	known, armErr := l.findVault(ctx, link, f.vaultName())
	l.vault = known
	tenant, err := l.challenge(ctx, link, f.Vault)
	if known != nil && known.Properties.TenantID != "" && tenant == "" {
		tenant = known.Properties.TenantID
	}
	if _, isDNS := errors.AsType[*net.DNSError](err); isDNS {
		l.noVault(ctx, link, known, armErr, words)
		return
	}
	switch {
	case err != nil:
		link.unclear("%s does not answer where rekey runs: %s", f.Vault, errorWords(err))
	case tenant != "" && l.plainTenant(ctx) != "" && !strings.EqualFold(tenant, l.plainTenant(ctx)):
		words["other"] = tenant
		link.broken("vault.other-tenant", words, "the vault %s belongs to the tenant %s, not to %s", f.vaultName(), tenant, l.plainTenant(ctx))
	default:
		link.holds("%s exists and answers", f.Vault)
	}
}

func errorWords(err error) string {
	what, _ := (&doctor{}).unreachable(err)
	return what
}

// plainTenant is our tenant's GUID.
func (l *walker) plainTenant(ctx context.Context) string {
	if guid.MatchString(l.Patient.Tenant) {
		return strings.ToLower(l.Patient.Tenant)
	}
	return l.plain.resolve(ctx, l.Patient.Tenant).id
}

// findVault looks for a vault among those of our subscriptions.
func (l *walker) findVault(ctx context.Context, link *Link, name string) (*armVault, error) {
	list, err := l.allVaults(ctx, link)
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			link.asked("vaults of our subscriptions", "%s", list[i].ID)
			return &list[i], nil
		}
	}
	if err == nil {
		link.asked("vaults of our subscriptions", "%d, none is named %s", len(list), clip(name, 30))
	}
	return nil, err
}

func (l *walker) allVaults(ctx context.Context, link *Link) ([]armVault, error) {
	if l.vaults == nil {
		list, err := ofType[armVault](ctx, l, link, "Microsoft.KeyVault/vaults", vaultsVersion)
		if err != nil {
			return list, err
		}
		l.vaults = &list
	}
	return *l.vaults, nil
}

// challenge asks a vault for nothing, without a token, and reads whose it is.
func (l *walker) challenge(ctx context.Context, link *Link, host string) (tenant string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := l.plain.get(ctx, "https://"+host+"/secrets?api-version=7.4&maxresults=1")
	if err != nil {
		link.asked("https://"+host+" without a token", "%s", errorWords(err))
		return "", err
	}
	resp.Body.Close()
	if m := bearerTenant.FindStringSubmatch(resp.Header.Get("WWW-Authenticate")); m != nil {
		tenant = strings.ToLower(m[1])
	}
	link.asked("https://"+host+" without a token", "status %d, tenant %s", resp.StatusCode, tenant)
	if resp.StatusCode != http.StatusUnauthorized && tenant == "" {
		return "", errors.New("something else than a vault answered")
	}
	return tenant, nil
}

// noVault says why a vault's name does not resolve.
func (l *walker) noVault(ctx context.Context, link *Link, known *armVault, armErr error, words map[string]string) {
	name := l.w.Facts.vaultName()
	if known != nil {
		link.broken("vault.dns", words, "the vault %s exists, and its name does not resolve where rekey runs", known.Name)
		return
	}
	subs, _ := l.subscriptions(ctx, link)
	for _, s := range subs {
		gone, err := listed[struct {
			Name       string `json:"name"`
			Properties struct {
				Location string    `json:"location"`
				Deleted  time.Time `json:"deletionDate"`
			} `json:"properties"`
		}](ctx, l, link, "deleted vaults", "/subscriptions/"+s+"/providers/Microsoft.KeyVault/deletedVaults?"+vaultsVersion)
		if err != nil {
			armErr = err
		}
		for _, g := range gone {
			if strings.EqualFold(g.Name, name) {
				words["location"] = g.Properties.Location
				link.broken("vault.deleted", words, "the vault %s was deleted on %s and can be recovered", name, g.Properties.Deleted.UTC().Format(time.DateTime))
				return
			}
		}
	}
	if armErr != nil {
		link.between("Is there such a vault in a subscription that rekey may not look into?", words, []string{"vault.missing", "vault.deleted"}, "the name %s does not resolve; whether the vault was deleted could not be seen: %s", l.w.Facts.Vault, sentenceOf(armErr))
		return
	}
	all, _ := l.allVaults(ctx, link)
	var names []string
	for _, v := range all {
		names = append(names, v.Name)
	}
	hint := ""
	if near := nearest(name, names); near != "" {
		hint = "; did you mean " + near + "?"
	}
	link.broken("vault.missing", words, "there is no vault named %s: the name does not resolve, and none was deleted%s", clip(name, 30), hint)
}

// nearest is the name that differs by at most two letters; empty if none does.
func nearest(name string, among []string) string {
	best, least := "", 3
	for _, other := range among {
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d > 0 && d < least {
			best, least = other, d
		}
	}
	return best
}

// distance is that of Levenshtein, for names of at most 127 letters.
func distance(a, b string) int {
	if len(a) > 127 || len(b) > 127 {
		return 127
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		above := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := above
			if a[i-1] != b[j-1] {
				cost++
			}
			above = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
