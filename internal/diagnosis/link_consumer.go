package diagnosis

import (
	"context"
	"fmt"
	"strings"
)

type site struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Identity struct {
		Principal string `json:"principalId"`
	} `json:"identity"`
}

// setting is a Key Vault reference as App Service reports it.
// https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
type setting struct {
	Name       string `json:"name"`
	Properties struct {
		Reference string `json:"reference"`
		Status    string `json:"status"`
		Details   string `json:"details"`
		Vault     string `json:"vaultName"`
		Secret    string `json:"secretName"`
		Pinned    string `json:"secretVersion"`
		Active    string `json:"activeVersion"`
	} `json:"properties"`
}

const (
	sitesVersion      = "api-version=2023-01-01"
	referencesVersion = "api-version=2022-03-01"
	mostSites         = 200
)

// unresolved are the causes behind the states of a reference. Those that are not
// here are found at the links of the vault.
var unresolved = map[string]string{
	"MSINotEnabled": "reference.identity", "InvalidSyntax": "reference.syntax", "SecretVersionNotFound": "entry.version",
}

// sites finds the app that the question is about and reads its references, and with
// them which vault it reads and as whom.
func (l *walker) sites(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(Consumer)
	reading := f.Site != "" || l.symptom != nil && l.symptom.Link == Consumer
	byEntry := f.Vault != "" && f.Secret != "" && (l.inquiry.Entry != "" || reading)
	if !reading && !byEntry || l.arm == nil {
		return
	}
	all, err := ofType[site](ctx, l, link, "Microsoft.Web/sites", sitesVersion)
	if err != nil && len(all) == 0 {
		link.unclear("the apps of our subscriptions could not be listed: %s", sentenceOf(err))
		return
	}
	for _, s := range all[:min(len(all), mostSites)] {
		slots, _ := listed[site](ctx, l, link, "slots of "+s.Name, s.ID+"/slots?"+sitesVersion)
		for _, one := range append([]site{s}, slots...) {
			if f.Site != "" && !strings.EqualFold(one.ID, f.Site) && !strings.EqualFold(one.Name, f.Site) {
				continue
			}
			l.references(ctx, link, one, byEntry && f.Site == "")
		}
	}
	if f.Site != "" && len(l.reads) == 0 && link.Verdict == NotAsked {
		link.unclear("no app named %s with a Key Vault reference is in the subscriptions that rekey may look into", clip(f.Site, 80))
	}
}

// read is a reference with the app that has it.
type read struct {
	site    site
	setting setting
}

func (l *walker) references(ctx context.Context, link *Link, s site, onlyEntry bool) {
	for _, kind := range []string{"appsettings", "connectionstrings"} {
		list, err := listed[setting](ctx, l, link, "references of "+s.Name, s.ID+"/config/configreferences/"+kind+"?"+referencesVersion)
		if err != nil {
			continue
		}
		for _, r := range list {
			same := strings.EqualFold(r.Properties.Vault, l.w.Facts.vaultName()) && strings.EqualFold(r.Properties.Secret, l.w.Facts.Secret)
			if onlyEntry && !same {
				continue
			}
			link.asked("reference "+r.Name+" of "+s.Name, "%s %s", r.Properties.Status, r.Properties.Details)
			l.reads = append(l.reads, read{s, r})
			if l.w.Facts.Site != "" && r.Properties.Status != "Resolved" && l.w.Facts.Vault == "" && r.Properties.Vault != "" {
				l.w.Facts.Vault, l.w.Facts.Secret, l.w.Facts.Version = strings.ToLower(r.Properties.Vault)+vaultSpan, r.Properties.Secret, r.Properties.Pinned
			}
			if r.Properties.Status != "Resolved" || l.w.Facts.Site != "" {
				l.identity = s.Identity.Principal
			}
		}
	}
	if l.w.Facts.Vault == "" && len(l.reads) == 1 && l.w.Facts.Site != "" && l.reads[0].setting.Properties.Vault != "" {
		p := l.reads[0].setting.Properties
		l.w.Facts.Vault, l.w.Facts.Secret = strings.ToLower(p.Vault)+vaultSpan, p.Secret
	}
}

// consumer judges what the references say.
func (l *walker) consumer(context.Context) {
	link := l.w.At(Consumer)
	if link.decided() || len(l.reads) == 0 {
		return
	}
	words := l.words()
	newest := ""
	if l.newestVersion != nil {
		newest = l.newestVersion.version()
	}
	var good []string
	for _, r := range l.reads {
		p := r.setting.Properties
		name := fmt.Sprintf("the setting %s of %s", r.setting.Name, r.site.Name)
		words["site"], words["siteid"], words["setting"], words["reference"] = r.site.Name, r.site.ID, r.setting.Name, p.Reference
		ours := newest != "" && strings.EqualFold(p.Secret, l.w.Facts.Secret) && strings.EqualFold(p.Vault, l.w.Facts.vaultName())
		switch {
		case unresolved[p.Status] != "":
			link.broken(unresolved[p.Status], words, "%s is not resolved: %s, %s", name, p.Status, clip(p.Details, 160))
			return
		case p.Status != "Resolved":
			link.broken("reference.unresolved", words, "%s is not resolved: %s, %s", name, p.Status, clip(p.Details, 160))
			return
		case ours && p.Pinned != "" && p.Pinned != newest:
			link.broken("consumer.pinned", words, "%s is pinned to the version %s; %s is the newest", name, p.Pinned, newest)
			return
		case ours && p.Active != "" && p.Active != newest:
			link.broken("consumer.cached", words, "%s still uses the version %s; %s is the newest", name, p.Active, newest)
			return
		}
		good = append(good, name)
	}
	link.holds("%s is resolved", strings.Join(good[:min(3, len(good))], " and "))
}
