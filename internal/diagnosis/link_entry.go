package diagnosis

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// What an entry holds, as its form tells.
const (
	contentSecret     = "client secret"
	contentID         = "id of a secret"
	contentConnection = "connection string"
	contentKey        = "access key"
	contentOther      = "another value"
)

// entryVersion is a version of a vault entry, without its value.
type entryVersion struct {
	ID         string `json:"id"`
	Attributes struct {
		Enabled bool  `json:"enabled"`
		NBF     int64 `json:"nbf"`
		EXP     int64 `json:"exp"`
		Created int64 `json:"created"`
	} `json:"attributes"`
	Tags map[string]string `json:"tags"`
}

func (v entryVersion) version() string { return v.ID[strings.LastIndexByte(v.ID, '/')+1:] }

var entryName = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)

// entry says whether the secret is in the vault and can be read.
func (l *walker) entry(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(Entry)
	if f.Secret == "" || f.Vault == "" || l.w.At(VaultName).Verdict == Broken {
		return
	}
	words := l.words()
	if !entryName.MatchString(f.Secret) {
		link.broken("entry.name", words, "%q cannot be the name of a secret: only letters, digits and dashes can", clip(f.Secret, 127))
		return
	}
	_, configured := l.configured(f.Vault)
	if l.vault == nil && !configured || l.reader == nil {
		link.unclear("the vault is neither configured nor in our subscriptions, so no token of ours goes there")
		return
	}
	api, err := l.client("https://"+f.Vault, vaultScope)
	if err != nil {
		link.unclear("%v", err)
		return
	}
	list, err := l.versions(ctx, link, api, f.Secret)
	if err != nil && status(err) != 404 {
		link.unclear("rekey's own reader could not look at %s: %s", f.Secret, sentenceOf(err))
		return
	}
	if len(list) == 0 {
		l.noEntry(ctx, link, api, words)
		return
	}
	l.newestVersion = &list[len(list)-1]
	l.judgeVersions(link, list, words)
	if link.Verdict == Holds {
		l.read(ctx, link, api)
	}
}

// versions lists those of an entry, the oldest first.
func (l *walker) versions(ctx context.Context, link *Link, api *rest.Client, name string) (all []entryVersion, err error) {
	path := rest.Path("secrets", name, "versions") + "?api-version=7.4&maxresults=25"
	for pages := 0; path != "" && pages < mostPages; pages++ {
		var page struct {
			Value []entryVersion `json:"value"`
			Next  string         `json:"nextLink"`
		}
		if err := l.get(ctx, link, api, "versions of "+name, path, &page); err != nil {
			return nil, err
		}
		all, path = append(all, page.Value...), page.Next
	}
	slices.SortStableFunc(all, func(a, b entryVersion) int { return int(a.Attributes.Created - b.Attributes.Created) })
	link.asked("versions of "+name, "%d", len(all))
	return all, nil
}

// noEntry says why there is none.
func (l *walker) noEntry(ctx context.Context, link *Link, api *rest.Client, words map[string]string) {
	name := l.w.Facts.Secret
	var gone struct {
		Deleted int64 `json:"deletedDate"`
		Purge   int64 `json:"scheduledPurgeDate"`
	}
	err := l.get(ctx, link, api, "deleted secret "+name, rest.Path("deletedsecrets", name)+"?api-version=7.4", &gone)
	if err == nil {
		link.asked("deleted secret "+name, "deleted on %s", time.Unix(gone.Deleted, 0).UTC().Format(time.DateTime))
		link.broken("entry.deleted", words, "the secret %s was deleted on %s and can be recovered until %s", name, time.Unix(gone.Deleted, 0).UTC().Format("2006-01-02 15:04 UTC"), day(time.Unix(gone.Purge, 0)))
		return
	}
	if status(err) != 404 {
		link.between("Is the secret in the list of deleted ones? (Portal: the vault, Secrets, Manage deleted secrets)", words, []string{"entry.missing", "entry.deleted"}, "there is no secret %s; whether it was deleted could not be seen: %s", name, sentenceOf(err))
		return
	}
	var page struct {
		Value []entryVersion `json:"value"`
	}
	hint := ""
	if l.get(ctx, link, api, "secrets of the vault", "/secrets?api-version=7.4&maxresults=25", &page) == nil {
		var names []string
		for _, v := range page.Value {
			names = append(names, v.version())
		}
		if near := nearest(name, names); near != "" {
			hint = "; did you mean " + near + "?"
		}
	}
	link.broken("entry.missing", words, "the vault %s has no secret %s, and none was deleted%s", l.w.Facts.vaultName(), name, hint)
}

// judgeVersions looks at the version that the consumer asks for: the newest, or
// the one that it is pinned to.
func (l *walker) judgeVersions(link *Link, list []entryVersion, words map[string]string) {
	asked, now := list[len(list)-1], time.Now()
	if pin := l.w.Facts.Version; pin != "" {
		i := slices.IndexFunc(list, func(v entryVersion) bool { return strings.EqualFold(v.version(), pin) })
		if i < 0 {
			words["version"] = pin
			link.broken("entry.version", words, "there is no version %s of %s", clip(pin, 40), l.w.Facts.Secret)
			return
		}
		asked = list[i]
	}
	words["version"] = asked.version()
	a := asked.Attributes
	link.asked("attributes of "+asked.version(), "enabled %v, nbf %s, exp %s", a.Enabled, unix(a.NBF), unix(a.EXP))
	switch {
	case !a.Enabled:
		link.broken("entry.disabled", words, "the version %s of %s is disabled", asked.version(), l.w.Facts.Secret)
	case a.NBF > now.Unix():
		l.remark("the entry says that it is valid from %s; a vault gives the value all the same, and some consumers refuse it", unix(a.NBF))
		link.holds("%s exists and is enabled", l.w.Facts.Secret)
	case a.EXP > 0 && a.EXP < now.Unix():
		l.remark("the entry says that it expired on %s; a vault gives the value all the same, and what it holds has perhaps ended", unix(a.EXP))
		link.holds("%s exists and is enabled", l.w.Facts.Secret)
	default:
		link.holds("%s exists and is enabled", l.w.Facts.Secret)
	}
}

func unix(s int64) string {
	if s == 0 {
		return "unset"
	}
	return time.Unix(s, 0).UTC().Format(time.DateTime)
}

// read takes the value, where the configuration lets rekey read values, and tells
// its kind by its form.
func (l *walker) read(ctx context.Context, link *Link, api *rest.Client) {
	v, configured := l.configured(l.w.Facts.Vault)
	if !configured || !v.ReadValues || !l.value.IsZero() {
		return
	}
	var out struct {
		Value       secret.Value `json:"value"`
		ContentType string       `json:"contentType"`
	}
	if l.get(ctx, link, api, "the value of "+l.w.Facts.Secret, rest.Path("secrets", l.w.Facts.Secret)+"?api-version=7.4", &out) != nil {
		return
	}
	l.value, l.fromVault = out.Value, true
	l.from = "the vault entry " + l.w.Facts.vaultName() + "/" + l.w.Facts.Secret
	l.content = contentOf(out.Value)
	if l.content == contentKey || l.content == contentOther {
		for _, p := range l.passwords() { // the older forms of client secrets have no mark
			if hint := ShapeOf(out.Value).Hint; hint != "" && p.Hint == hint {
				l.content = contentSecret
			}
		}
	}
	if out.ContentType == "application/x-pkcs12" || out.ContentType == "application/x-pem-file" {
		l.content = contentOther
	}
	link.asked("the form of the value", "%s, %d characters", l.content, len([]rune(out.Value.Reveal())))
}

// contentOf tells the kind of a value by its form.
func contentOf(v secret.Value) string {
	text := strings.Trim(v.Reveal(), " \t\r\n\"'")
	lower := strings.ToLower(text)
	switch {
	case guid.MatchString(text):
		return contentID
	case strings.Contains(lower, "sharedaccesskey=") || strings.Contains(lower, "accountkey="):
		return contentConnection
	case bareSecret.MatchString(text) && strings.Contains(text[:min(8, len(text))], "Q~"), strings.Contains(text, "%7E") && len(text) < 60:
		return contentSecret
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && (len(raw) == 32 || len(raw) == 64 || len(text) == 84) {
		return contentKey
	}
	return contentOther
}

func (l *walker) place() inventory.Place {
	return inventory.Place{Vault: l.w.Facts.Vault, Name: l.w.Facts.Secret}
}
