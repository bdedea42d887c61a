package diagnosis

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// behind is a resource that takes keys: an Event Grid topic, or a namespace of
// Service Bus or Event Hubs.
type behind struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		Endpoint string `json:"endpoint"`
		Bus      string `json:"serviceBusEndpoint"`
		NoKeys   bool   `json:"disableLocalAuth"`
		Status   string `json:"status"`
	} `json:"properties"`
}

func (b behind) host() string {
	for _, text := range []string{b.Properties.Endpoint, b.Properties.Bus} {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			return strings.ToLower(u.Hostname())
		}
	}
	return ""
}

var (
	connectionHost = regexp.MustCompile(`(?i)Endpoint=sb://([0-9a-z.\-]+)`)
	connectionRule = regexp.MustCompile(`(?i)SharedAccessKeyName=([^;]+)`)
	connectionPath = regexp.MustCompile(`(?i)EntityPath=([^;]+)`)
)

// target says whether the topic or queue behind takes the key that the vault holds.
func (l *walker) target(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(Target)
	held := l.value
	if !l.fromVault || l.content != contentConnection && l.content != contentKey {
		held = secret.Value{}
	}
	rule := ""
	if text := held.Reveal(); l.content == contentConnection && text != "" {
		if m := connectionHost.FindStringSubmatch(text); m != nil {
			f.Topic = strings.ToLower(m[1])
		}
		if m := connectionRule.FindStringSubmatch(text); m != nil {
			rule = m[1]
		}
		if m := connectionPath.FindStringSubmatch(text); m != nil && f.Entity == "" {
			f.Entity = m[1]
		}
	}
	if f.Topic == "" && l.content == contentKey && !held.IsZero() && !l.good {
		l.anyTopic(ctx, link, held)
		return
	}
	if f.Topic == "" || link.decided() {
		return
	}
	words := l.words()
	words["host"], words["entity"] = f.Topic, f.Entity
	found, err := l.serving(ctx, link, f.Topic)
	switch {
	case err != nil && found == nil:
		link.unclear("the resource at %s could not be looked up: %s", f.Topic, sentenceOf(err))
		return
	case found == nil:
		link.broken("target.missing", words, "no topic or namespace of our subscriptions answers at %s", f.Topic)
		return
	case found.Properties.NoKeys:
		words["id"] = found.ID
		link.broken("target.keys-off", words, "%s takes no keys at all (disableLocalAuth)", found.Name)
		return
	}
	words["id"] = found.ID
	if l.noEntity(ctx, link, *found, words) {
		return
	}
	if held.IsZero() {
		link.unclear("%s is there; which key is sent to it is not known: name the vault entry that holds it (--entry), or let rekey read it", found.Name)
		return
	}
	l.fits(ctx, link, *found, rule, held, words)
}

// serving is the resource whose data a host serves.
func (l *walker) serving(ctx context.Context, link *Link, host string) (found *behind, err error) {
	kinds := []string{"Microsoft.ServiceBus/namespaces", "Microsoft.EventHub/namespaces"}
	if strings.Contains(host, ".eventgrid.") {
		kinds = []string{"Microsoft.EventGrid/topics"}
	}
	for _, kind := range kinds {
		version := map[string]string{"Microsoft.EventGrid/topics": "api-version=2022-06-15"}[kind]
		if version == "" {
			version = "api-version=2022-10-01-preview"
		}
		list, failed := ofType[behind](ctx, l, link, kind, version)
		if failed != nil {
			err = failed
		}
		link.asked(kind+" of our subscriptions", "%d", len(list))
		for _, b := range list {
			if b.host() == host {
				return &b, nil
			}
		}
	}
	return nil, err
}

// noEntity reports whether the queue, topic or hub below a namespace is missing.
func (l *walker) noEntity(ctx context.Context, link *Link, b behind, words map[string]string) bool {
	entity := l.w.Facts.Entity
	if entity == "" || b.Properties.Bus == "" || strings.Contains(entity, "$") {
		return false
	}
	kinds := []string{"queues", "topics"}
	if strings.Contains(b.ID, "Microsoft.EventHub") {
		kinds = []string{"eventhubs"}
	}
	for _, kind := range kinds {
		list, err := listed[struct {
			Name string `json:"name"`
		}](ctx, l, link, kind+" of "+b.Name, b.ID+"/"+kind+"?api-version=2022-10-01-preview")
		if err != nil {
			return false
		}
		for _, e := range list {
			name := e.Name[strings.LastIndexByte(e.Name, '/')+1:]
			if strings.EqualFold(name, entity) {
				link.asked(kind+" of "+b.Name, "%s is there", name)
				return false
			}
		}
		link.asked(kind+" of "+b.Name, "%d, none is named %s", len(list), clip(entity, 60))
	}
	link.broken("target.entity", words, "%s has no queue, topic or hub named %s", b.Name, clip(entity, 60))
	return true
}

// fits compares the key with the two of the resource, and tries it there.
func (l *walker) fits(ctx context.Context, link *Link, b behind, rule string, held secret.Value, words map[string]string) {
	id, name := b.ID, b.Name
	if rule != "" {
		id, name = l.ruleID(ctx, link, b, rule)
	}
	keys := &azurekeys.Keys{ARM: l.arm, Wire: l.plain.plain.Transport}
	holder := inventory.Application{Tenant: l.Patient.Tenant, ObjectID: inventory.ObjectID(strings.ToLower(id)), Holder: inventory.InResources, Name: name}
	list, err := keys.Credentials(ctx, holder)
	equal := ""
	for _, c := range list {
		present, recallErr := keys.Recall(ctx, holder, c.KeyID)
		if recallErr == nil && keys.Essence(held).Equal(present) {
			equal = c.KeyID
		}
		present.Zero()
	}
	if err != nil {
		link.asked("keys of "+name, "%s", sentenceOf(err))
	} else {
		link.asked("keys of "+name+", compared with the value of the vault", "%s", map[bool]string{true: "it is " + equal, false: "it is neither"}[equal != ""])
	}
	tried := keys.SignIn(ctx, holder, held)
	refused, isRefused := errors.AsType[*connector.RejectedError](tried)
	switch {
	case tried == nil:
		link.asked("an empty event to "+b.host()+" with it", "accepted")
	case isRefused:
		link.asked("an empty event to "+b.host()+" with it", "%s", refused.Which())
	default:
		link.asked("an empty event to "+b.host()+" with it", "no answer: %v", tried)
	}
	switch {
	case equal == "" && err == nil:
		link.broken("target.key-old", words, "the vault holds neither key of %s: it was regenerated, or it is the key of something else", name)
	case isRefused && refused.Secret:
		link.broken("target.key-old", words, "%s refuses the key that the vault holds", name)
	case tried == nil || equal != "":
		link.holds("the vault holds a key of %s%s", name, map[bool]string{true: ", and it is accepted", false: ""}[tried == nil])
	default:
		link.unclear("the keys of %s could not be compared: %v", name, err)
	}
}

// ruleID is the id of an authorization rule of a namespace, or of one of its parts.
func (l *walker) ruleID(ctx context.Context, link *Link, b behind, rule string) (id, name string) {
	if e := l.w.Facts.Entity; e != "" {
		for _, kind := range []string{"queues", "topics", "eventhubs"} {
			below := b.ID + "/" + kind + "/" + e + "/authorizationRules/" + rule
			var found struct {
				ID string `json:"id"`
			}
			if strings.Contains(b.ID, "EventHub") == (kind == "eventhubs") && l.get(ctx, link, l.arm, "rule "+rule+" of "+e, below+"?api-version=2022-10-01-preview", &found) == nil {
				return below, b.Name + "/" + e + "/" + rule
			}
		}
	}
	return b.ID + "/authorizationRules/" + rule, b.Name + "/" + rule
}

// anyTopic looks for the topic whose key a vault entry holds.
func (l *walker) anyTopic(ctx context.Context, link *Link, held secret.Value) {
	list, err := ofType[behind](ctx, l, link, "Microsoft.EventGrid/topics", "api-version=2022-06-15")
	if err != nil {
		return
	}
	keys := &azurekeys.Keys{ARM: l.arm, Wire: l.plain.plain.Transport}
	for _, b := range list[:min(len(list), 50)] {
		holder := inventory.Application{ObjectID: inventory.ObjectID(strings.ToLower(b.ID)), Holder: inventory.InResources, Name: b.Name}
		for _, id := range []string{"key1", "key2"} {
			if v, err := keys.Recall(ctx, holder, id); err == nil && v.Equal(held) {
				link.asked("keys of "+b.Name+", compared with the value of the vault", "it is %s", id)
				link.holds("the vault holds %s of %s", id, b.Name)
				return
			}
		}
	}
	link.asked("keys of all topics of our subscriptions, compared with the value of the vault", "it is none of them")
	link.unclear("the value has the form of an access key, and is none of the keys of %d Event Grid topics", len(list))
}
