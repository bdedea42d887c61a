package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// SendTestEvent does what the button of that name does in Finance and Operations: it
// signs in as the endpoint's application, reads the vault and tries the key at the
// topic. It returns what the user then reads; empty if the event was accepted.
// https://learn.microsoft.com/dynamics365/fin-ops-core/dev-itpro/business-events/business-events-troubleshooting
func (c *Cloud) SendTestEvent(ctx context.Context, host, endpoint string) string {
	var e world.BusinessEndpoint
	found := false
	c.world.Read(func() {
		if f := c.world.Finance[strings.ToLower(host)]; f != nil {
			if one := f.Endpoint(endpoint); one != nil {
				e, found = *one, true
			}
		}
	})
	if !found {
		return "Endpoint " + endpoint + " does not exist."
	}
	value, err := c.financeReads(ctx, e)
	if err != nil {
		return fmt.Sprintf("Unable to construct endpoint. Exception message: Error retrieving secret '%s' from key vault '%s': %s", e.Secret, e.Vault, err)
	}
	if err := c.financeSends(ctx, e, value); err != nil {
		return "Unable to send test event to endpoint. Exception message: " + err.Error()
	}
	return ""
}

var errSending = errors.New("An error occurred while sending the request.")

// financeReads fetches the entry with the application's secret.
func (c *Cloud) financeReads(ctx context.Context, e world.BusinessEndpoint) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {e.Client}, "client_secret": {e.AppSecret}, "scope": {"https://vault.azure.net/.default"}}
	status, body, err := c.finance(ctx, http.MethodPost, "https://login.microsoftonline.com/"+c.tenant.ID+"/oauth2/v2.0/token", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	if err != nil {
		return "", err
	}
	var token struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	_ = json.Unmarshal(body, &token) // the status says the rest
	if status != http.StatusOK {
		return "", errors.New(token.Error)
	}
	status, body, err = c.finance(ctx, http.MethodGet, strings.TrimSuffix(e.Vault, "/")+"/secrets/"+url.PathEscape(e.Secret)+"?api-version=7.4", "", http.Header{"Authorization": {"Bearer " + token.Token}})
	if err != nil {
		return "", err
	}
	var bundle struct {
		Value string `json:"value"`
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &bundle)
	switch {
	case status == http.StatusForbidden:
		return "", errors.New("Access denied. Operation returned an invalid status code 'Forbidden'")
	case status != http.StatusOK:
		return "", fmt.Errorf("%s: %s", bundle.Error.Code, bundle.Error.Message)
	}
	return bundle.Value, nil
}

// financeSends tries the key. Of a namespace the front door over HTTPS is asked,
// which takes the same signatures as the one for messages.
func (c *Cloud) financeSends(ctx context.Context, e world.BusinessEndpoint, value string) error {
	if strings.Contains(e.Type, "Event Grid") {
		status, _, err := c.finance(ctx, http.MethodPost, e.Address+"?api-version=2018-01-01", "[]", http.Header{"Content-Type": {"application/json"}, "Aeg-Sas-Key": {value}})
		switch {
		case err != nil:
			return err
		case status != http.StatusOK && status != http.StatusBadRequest:
			return fmt.Errorf("The remote server returned an error: (%d) %s.", status, http.StatusText(status))
		}
		return nil
	}
	return c.queueTakes(e, value)
}

// queueTakes compares a connection string with the rule that it names.
func (c *Cloud) queueTakes(e world.BusinessEndpoint, value string) (err error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(value, ";") {
		name, text, _ := strings.Cut(part, "=")
		parts[strings.ToLower(name)] = text
	}
	space, _, _ := strings.Cut(strings.TrimPrefix(parts["endpoint"], "sb://"), ".")
	c.world.Read(func() {
		queue, rule, namespace := false, (*world.Resource)(nil), false
		for _, r := range c.world.Azure.Resources {
			switch {
			case strings.EqualFold(r.Name, space) && r.Type == "Microsoft.ServiceBus/namespaces":
				namespace = true
			case strings.EqualFold(r.Name, space+"/"+e.Address) && (r.Type == "Microsoft.ServiceBus/namespaces/queues" || r.Type == "Microsoft.ServiceBus/namespaces/topics"):
				queue = true
			case strings.EqualFold(r.Name, space+"/"+parts["sharedaccesskeyname"]) && r.Type == "Microsoft.ServiceBus/namespaces/authorizationRules":
				rule = r
			}
		}
		_, accepted := "", false
		if rule != nil {
			_, accepted = c.world.Opens(0, rule, func(key string) bool { return key == parts["sharedaccesskey"] })
		}
		switch {
		case !namespace:
			err = fmt.Errorf("No such host is known. ErrorCode: HostNotFound, %s.servicebus.windows.net", space)
		case !accepted:
			err = errors.New("40103: Invalid authorization token signature, Resource:sb://" + space + ".servicebus.windows.net/" + e.Address)
		case !queue:
			err = errors.New("40400: Endpoint not found., Resource:sb://" + space + ".servicebus.windows.net/" + e.Address)
		}
	})
	return err
}

// finance sends a request from Microsoft's network.
func (c *Cloud) finance(ctx context.Context, method, address, body string, header http.Header) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, errSending
	}
	r.Header = header
	resp, err := (&transport{cloud: c, from: "52.142.114.2"}).RoundTrip(r)
	if err != nil {
		if _, ok := errors.AsType[*net.DNSError](err); ok && strings.Contains(address, "eventgrid") {
			return 0, nil, fmt.Errorf("The remote name could not be resolved: '%s'", r.URL.Host)
		}
		return 0, nil, errSending
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, read, err
}
