package sim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/world"
)

func signed(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// keyed sends a GET and returns status and body.
func keyed(t *testing.T, cloud *sim.Cloud, address string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range header {
		r.Header.Set(name, v)
	}
	resp, err := cloud.RoundTripper(sim.Hooks{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func keyOf(t *testing.T, cloud *sim.Cloud, group, kind, name, key string) string {
	t.Helper()
	id := ""
	cloud.World().Read(func() { id = cloud.World().Azure.Find(group, kind, name).ID })
	return cloud.ResourceKeys(id)[key]
}

func TestBlobServiceComparesSharedKeySignatures(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	key, err := base64.StdEncoding.DecodeString(keyOf(t, cloud, "rg-finance", "Microsoft.Storage/storageAccounts", "stcontosobankfiles", "key1"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(account, query, lines string, key []byte, at time.Time) (int, string) {
		date := at.UTC().Format(http.TimeFormat)
		text := "GET" + strings.Repeat("\n", 12) + "x-ms-date:" + date + "\nx-ms-version:2021-12-02\n/" + account + "/" + lines
		return keyed(t, cloud, "https://"+account+".blob.core.windows.net/?"+query, map[string]string{
			"x-ms-date": date, "x-ms-version": "2021-12-02", "Authorization": "SharedKey " + account + ":" + signed(key, text)})
	}
	const list, listed = "comp=list", "\ncomp:list"
	for name, tc := range map[string]struct {
		account, query, lines string
		key                   []byte
		at                    time.Time
		status                int
		says                  string
	}{
		"containers": {"stcontosobankfiles", list, listed, key, time.Now(), 200, "<Containers />"},
		"properties": {"stcontosobankfiles", "restype=service&comp=properties", "\ncomp:properties\nrestype:service", key, time.Now(), 200, "<StorageServiceProperties>"},
		"wrong key":  {"stcontosobankfiles", list, listed, []byte("x"), time.Now(), 403, "The MAC signature found in the HTTP request"},
		"too old":    {"stcontosobankfiles", list, listed, key, time.Now().Add(-time.Hour), 403, "Request date header too old"},
		"other text": {"stcontosobankfiles", list, "\ncomp:properties", key, time.Now(), 403, "AuthenticationFailed"},
		"no keys":    {"stcontosodatalake", list, listed, key, time.Now(), 403, "KeyBasedAuthenticationNotPermitted"},
	} {
		status, body := ask(tc.account, tc.query, tc.lines, tc.key, tc.at)
		if status != tc.status || !strings.Contains(body, tc.says) || xml.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), new(struct{})) != nil {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := keyed(t, cloud, "https://stcontosobankfiles.blob.core.windows.net/?comp=list", nil); status != 401 || !strings.Contains(body, "NoAuthenticationInformation") {
		t.Errorf("unsigned: %d %s", status, body)
	}
}

func TestNamespacesCompareSharedAccessSignatures(t *testing.T) {
	cloud, err := sim.New(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	const bus = "Microsoft.ServiceBus/namespaces"
	root := keyOf(t, cloud, "rg-warehouse", bus+"/authorizationRules", "sb-contoso-wms/RootManageSharedAccessKey", "secondary")
	sender := keyOf(t, cloud, "rg-warehouse", bus+"/authorizationRules", "sb-contoso-wms/d365-orders", "primary")
	listener := keyOf(t, cloud, "rg-warehouse", bus+"/queues/authorizationRules", "sb-contoso-wms/orders/wms-listener", "primary")
	token := func(resource, rule, key string, end time.Time) map[string]string {
		sr, se := url.QueryEscape(resource), fmt.Sprint(end.Unix())
		return map[string]string{"Authorization": "SharedAccessSignature sr=" + sr + "&sig=" + url.QueryEscape(signed([]byte(key), sr+"\n"+se)) + "&se=" + se + "&skn=" + rule}
	}
	const space, soon = "https://sb-contoso-wms.servicebus.windows.net/", time.Minute
	for name, tc := range map[string]struct {
		path   string
		header map[string]string
		status int
		says   string
	}{
		"queues":                        {"$Resources/Queues", token(space, "RootManageSharedAccessKey", root, time.Now().Add(soon)), 200, "orders"},
		"topics":                        {"$Resources/topics", token("sb://sb-contoso-wms.servicebus.windows.net", "RootManageSharedAccessKey", root, time.Now().Add(soon)), 200, "stock"},
		"one queue":                     {"orders", token(space+"orders", "RootManageSharedAccessKey", root, time.Now().Add(soon)), 200, "orders"},
		"no such":                       {"nothing", token(space, "RootManageSharedAccessKey", root, time.Now().Add(soon)), 404, "No such entity"},
		"wrong key":                     {"orders", token(space, "RootManageSharedAccessKey", sender, time.Now().Add(soon)), 401, "InvalidSignature"},
		"no such rule":                  {"orders", token(space, "other", root, time.Now().Add(soon)), 401, "InvalidSignature"},
		"expired":                       {"orders", token(space, "RootManageSharedAccessKey", root, time.Now().Add(-soon)), 401, "ExpiredToken"},
		"elsewhere":                     {"stock", token(space+"orders", "RootManageSharedAccessKey", root, time.Now().Add(soon)), 401, "InvalidAudience"},
		"may not manage":                {"orders", token(space, "d365-orders", sender, time.Now().Add(soon)), 401, "claim is empty"},
		"of the queue":                  {"orders", token(space+"orders", "wms-listener", listener, time.Now().Add(soon)), 401, "claim is empty"},
		"of a queue, for the namespace": {"$Resources/Queues", token(space, "wms-listener", listener, time.Now().Add(soon)), 401, "InvalidSignature"},
		"nothing":                       {"orders", nil, 401, "MissingToken"},
	} {
		if status, body := keyed(t, cloud, space+tc.path, tc.header); status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

func TestCosmosComparesMasterKeyTokens(t *testing.T) {
	cloud, err := sim.New(sim.Config{World: world.Config{Seed: 4}})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	ask := func(key string, at time.Time, version string) (int, string) {
		raw, _ := base64.StdEncoding.DecodeString(key)
		date := at.UTC().Format(http.TimeFormat)
		return keyed(t, cloud, "https://cosmos-contoso-pricing.documents.azure.com:443/dbs", map[string]string{"x-ms-date": date, "x-ms-version": version,
			"Authorization": url.QueryEscape("type=master&ver=1.0&sig=" + signed(raw, "get\ndbs\n\n"+strings.ToLower(date)+"\n\n"))})
	}
	for _, name := range []string{"primary", "secondary", "primaryReadonly", "secondaryReadonly"} {
		key := keyOf(t, cloud, "rg-data", "Microsoft.DocumentDB/databaseAccounts", "cosmos-contoso-pricing", name)
		if status, body := ask(key, time.Now(), "2018-12-31"); status != 200 || !strings.Contains(body, `"Databases":[]`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status, body := ask(key, time.Now().Add(-time.Hour), "2018-12-31"); status != 403 {
			t.Errorf("%s, an hour late: %d %s", name, status, body)
		}
		if status, body := ask(key, time.Now(), ""); status != 400 {
			t.Errorf("%s, no version: %d %s", name, status, body)
		}
	}
	if status, body := ask("d3Jvbmc=", time.Now(), "2018-12-31"); status != 401 || !strings.Contains(body, "The wrong key is being used") {
		t.Errorf("wrong: %d %s", status, body)
	}
}
