package diagnosis

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Endpoint is where Finance and Operations sends business events, without its
// secret, which nobody can read.
// https://learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/business-events/managing-business-event-endpoints
type Endpoint struct {
	Environment string
	Name        string `json:"EndpointName"`
	Type        string `json:"EndpointType"`    // Azure Event Grid, Azure Service Bus Queue, ...
	Address     string `json:"EndpointAddress"` // topic URL, or name of the queue
	Client      string `json:"ApplicationId"`
	Vault       string `json:"KeyVaultDnsName"`
	Secret      string `json:"KeyVaultSecretName"`
	Active      string `json:"IsActive"`             // Yes, No
	HasSecret   string `json:"HasApplicationSecret"` // Yes, No
}

// endpointSet is the data entity. Its name differs between versions of Finance and
// Operations; docs/reference/diagnose.md says how to look it up.
const endpointSet = "/data/BusinessEventsEndpoints?$top=500"

// Endpoints lists those of an environment that is configured.
func (e *Examiner) Endpoints(ctx context.Context, environment string) ([]Endpoint, error) {
	if !slices.ContainsFunc(e.Environments, func(h string) bool { return strings.EqualFold(h, environment) }) {
		return nil, fmt.Errorf("the environment %q is not configured: add its host under diagnosis.environments", clip(environment, 100))
	}
	l := &walker{Examiner: e, w: emptyWalk(Facts{})}
	if !l.way(ctx) || l.reader == nil {
		return nil, fmt.Errorf("cannot reach %s: %s", environment, l.w.At(Way).Found)
	}
	return l.endpointsOf(ctx, l.w.At(Consumer), environment)
}

func (l *walker) endpointsOf(ctx context.Context, link *Link, environment string) ([]Endpoint, error) {
	host := strings.ToLower(environment)
	api, err := l.client("https://"+host, "https://"+host+"/.default")
	if err != nil {
		return nil, err
	}
	var page struct {
		Value []Endpoint `json:"value"`
	}
	if err := l.get(ctx, link, api, "business event endpoints of "+host, endpointSet, &page); err != nil {
		return nil, fmt.Errorf("cannot list the endpoints of %s: %w", host, err)
	}
	for i := range page.Value {
		page.Value[i].Environment = host
	}
	link.asked("business event endpoints of "+host, "%d", len(page.Value))
	return page.Value, nil
}

// endpoint reads what a person named: ENVIRONMENT/ENDPOINT, the host of a topic or
// a namespace, an ARM path.
func (f *Facts) endpoint(text string) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "https://")
	host, rest, _ := strings.Cut(text, "/")
	lower := strings.ToLower(host)
	switch {
	case strings.HasPrefix(text, "/subscriptions/"):
		f.Path = text
	case strings.HasSuffix(lower, ".eventgrid.azure.net"):
		f.Topic = lower
	case strings.HasSuffix(lower, ".servicebus.windows.net"):
		f.Topic, f.Entity = lower, rest
	case strings.HasSuffix(lower, ".azurewebsites.net"):
		f.Site = strings.TrimSuffix(lower, ".azurewebsites.net")
	default:
		f.Environment, f.Endpoint = lower, strings.Trim(rest, "/")
	}
}

// endpoint finds the endpoint of Finance and Operations that the question is about,
// and with it the application, the vault and the secret.
func (l *walker) endpoint(ctx context.Context) {
	f, link := &l.w.Facts, l.w.At(Consumer)
	hosts := []string{}
	for _, h := range l.Environments {
		if f.Environment == "" || strings.EqualFold(f.Environment, h) {
			hosts = append(hosts, strings.ToLower(h))
		}
	}
	named := f.Endpoint != ""
	if !named && (!l.symptomNamed("fno-") || f.Client != "" && f.Vault != "") || l.reader == nil {
		if f.Environment != "" && named && len(hosts) == 0 {
			link.unclear("the environment %s is not configured (diagnosis.environments)", f.Environment)
		}
		return
	}
	for _, host := range hosts {
		list, err := l.endpointsOf(ctx, link, host)
		if err != nil {
			link.unclear("%v", err)
			continue
		}
		for _, e := range list {
			vault := Facts{Vault: strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(e.Vault), "https://"), "/")}
			vault.tidy()
			if named && !strings.EqualFold(e.Name, f.Endpoint) || !named && !(strings.EqualFold(vault.Vault, f.Vault) && strings.EqualFold(e.Secret, f.Secret)) {
				continue
			}
			l.take(e, vault.Vault)
			return
		}
		if named && f.Environment == host {
			link.broken("endpoint.missing", map[string]string{"endpoint": f.Endpoint, "environment": host}, "%s has no business event endpoint named %s", host, clip(f.Endpoint, 60))
		}
	}
}

// take fills in what an endpoint tells.
func (l *walker) take(e Endpoint, vault string) {
	f, link := &l.w.Facts, l.w.At(Consumer)
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&f.Client, strings.ToLower(e.Client))
	set(&f.Vault, vault)
	set(&f.Secret, e.Secret)
	set(&f.Environment, e.Environment)
	set(&f.Endpoint, e.Name)
	if strings.Contains(e.Address, ".eventgrid.azure.net") {
		set(&f.Topic, strings.Split(strings.TrimPrefix(strings.ToLower(e.Address), "https://"), "/")[0])
	} else if e.Type != "" && (strings.Contains(e.Type, "Queue") || strings.Contains(e.Type, "Topic") || strings.Contains(e.Type, "Hub")) {
		set(&f.Entity, e.Address)
	}
	words := map[string]string{"endpoint": e.Name, "environment": e.Environment}
	link.asked("the endpoint "+e.Name, "%s, application %s, vault %s, secret %s, active %s, application secret set %s", e.Type, e.Client, e.Vault, e.Secret, e.Active, e.HasSecret)
	switch {
	case e.HasSecret == "No":
		link.broken("endpoint.secret-empty", words, "the endpoint %s has no application secret", e.Name)
	case e.Active == "No":
		link.broken("endpoint.inactive", words, "the endpoint %s is not active", e.Name)
	default:
		link.holds("the endpoint %s is active", e.Name)
	}
}
