package azurekeys

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// cosmosDoor lists the databases of the account.
// https://learn.microsoft.com/rest/api/cosmos-db/list-databases
func cosmosDoor(address) door {
	return door{
		endpoint: func(p properties) string { return p.Document },
		request:  listDatabases,
		judge:    judgeCosmos,
	}
}

// listDatabases is signed as "Access control on Cosmos DB resources" says.
func listDatabases(ctx context.Context, to *url.URL, key secret.Value, now time.Time) (*http.Request, error) {
	u := url.URL{Scheme: to.Scheme, Host: to.Host, Path: "/dbs"}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	date := now.UTC().Format(http.TimeFormat)
	r.Header.Set("x-ms-date", date)
	r.Header.Set("x-ms-version", "2018-12-31")
	r.Header.Set("x-ms-max-item-count", "1")
	r.Header.Set("Accept", "application/json")
	signature := sign(decoded(key), "get\ndbs\n\n"+strings.ToLower(date)+"\n\n")
	r.Header.Set("Authorization", url.QueryEscape("type=master&ver=1.0&sig="+signature))
	return r, nil
}

func judgeCosmos(status int, body []byte) verdict {
	if status/100 == 2 {
		return taken()
	}
	var in struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &in) // without a text the status has to do
	if in.Code == "" {
		in.Code = http.StatusText(status)
	}
	// 403 is for networks, clocks and data planes that are closed.
	local := strings.Contains(strings.ToLower(in.Message), "local authorization is disabled")
	return refused(sentence(in.Code), in.Message, status == http.StatusUnauthorized && !local)
}
