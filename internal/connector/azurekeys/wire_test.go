package azurekeys

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/secret"
)

// The signature that Microsoft's own page on Cosmos DB tokens works out.
// https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
func TestASignatureOfTheDocumentation(t *testing.T) {
	key := secret.New("dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==")
	got := sign(decoded(key), "get\ndbs\ndbs/ToDoList\nthu, 27 apr 2017 00:51:12 gmt\n\n")
	if want := "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAddresses(t *testing.T) {
	for id, want := range map[string]string{
		"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a":                                             storageType,
		"/subscriptions/s/resourcegroups/g/providers/microsoft.servicebus/namespaces/n/queues/q/authorizationrules/r":                 busType + "/queues" + rules,
		"/subscriptions/s/resourcegroups/g (x)/providers/microsoft.eventgrid/topics/t":                                                topicType,
		"/subscriptions/s/resourcegroups/g/providers/microsoft.servicebus/namespaces/n":                                               "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/..":                                            "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/a?x":                                           "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/a/":                                            "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/a%2f":                                          "",
		"subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/a":                                              "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/a\n":                                           "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/" + strings.Repeat("a", 300):                   "",
		"/subscriptions/s/resourcegroups/g/providers/microsoft.servicebus/namespaces/n/queues/q/authorizationrules/r/x/y/z/w/v/u/t/s": "",
		"": "",
	} {
		if at, err := parse(id); at.kind.name != want && err == nil || (err == nil) != (want != "") {
			t.Errorf("%.120q is %q, %v", id, at.kind.name, err)
		}
	}
}

// A clock that is wrong, or a network that is closed, is not the key's fault.
func TestWhatIsNotTheKeysFault(t *testing.T) {
	for _, tc := range []struct {
		judge  func(int, []byte) verdict
		status int
		body   string
		secret bool
	}{
		{judgeStorage, 403, `<Error><Code>AuthenticationFailed</Code><Message>Server failed</Message><AuthenticationErrorDetail>Request date header too old: 'x'</AuthenticationErrorDetail></Error>`, false},
		{judgeStorage, 403, `<Error><Code>AuthenticationFailed</Code><Message>Server failed</Message><AuthenticationErrorDetail>The MAC signature found</AuthenticationErrorDetail></Error>`, true},
		{judgeStorage, 403, `<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation.</Message></Error>`, false},
		{judgeBus, 401, `<Error><Code>401</Code><Detail>ExpiredToken: The token is expired. TrackingId:x</Detail></Error>`, false},
		{judgeBus, 401, `<Error><Code>401</Code><Detail>InvalidSignature: The token has an invalid signature. TrackingId:x</Detail></Error>`, true},
		{judgeBus, 401, `<Error><Code>401</Code><Detail>40103: Invalid authorization token signature, Resource:sb://x</Detail></Error>`, true},
		{judgeBus, 403, `<Error><Code>403</Code><Detail>Ip has been prevented to connect to the endpoint.</Detail></Error>`, false},
		{judgeCosmos, 403, `{"code":"Forbidden","message":"Request originated from IP 1.2.3.4 through public internet. This is blocked by your Cosmos DB account firewall settings."}`, false},
		{judgeCosmos, 401, `{"code":"Unauthorized","message":"The input authorization token can't serve the request. The wrong key is being used"}`, true},
		{judgeTopic, 403, `{"error":{"code":"Forbidden","message":"Publishing to x is not allowed from this address."}}`, false},
		{judgeTopic, 401, `{"error":{"code":"Unauthorized","message":"The request authorization key is not authorized for X."}}`, true},
	} {
		v := tc.judge(tc.status, []byte(tc.body))
		if v.rejected == nil || v.taken || v.rejected.Secret != tc.secret || v.rejected.Name == "" {
			t.Errorf("%s: %+v", tc.body, v.rejected)
		}
	}
	if v := judgeBus(401, []byte(`<Error><Code>401</Code><Detail>claim is empty or token is invalid. TrackingId:x</Detail></Error>`)); !v.unclear {
		t.Error("a missing right is taken for a verdict on the key")
	}
}

func TestATokenOfServiceBusIsShortLived(t *testing.T) {
	got := busToken("https://NS.servicebus.windows.net/Orders", "a rule", secret.New("key"), time.Unix(1_700_000_000, 0))
	const want = "SharedAccessSignature sr=https%3A%2F%2Fns.servicebus.windows.net%2Forders&sig="
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "&se=1700000300&skn=a+rule") {
		t.Errorf("got %s", got)
	}
}

// Whatever an answer is, nothing panics, nothing half-read counts, and what is
// said of it fits on one line.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		`{"key1":"a","key2":"b"}`, `{"keys":[{"keyName":"key1","value":"x","creationTime":"2026-01-01T00:00:00Z"},{"keyName":"KEY2","value":"y"}]}`,
		`{"primaryKey":"a","secondaryKey":"b"}`, `{"primaryMasterKey":"a","secondaryMasterKey":"b"}`, `{"value":[{"id":"/x","tags":{"a":"b"}}],"nextLink":"y"}`,
		`<Error><Code>x</Code><Detail>a: b</Detail></Error>`, "\ufeff<Error/>", `{"error":{"message":"` + "\\u0000\\n" + `"}}`, "null", "",
	} {
		f.Add(401, []byte(text))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, k := range kinds() {
			if keys, err := k.read(body); err == nil {
				for _, key := range keys {
					if key.value.IsZero() || key.value.Len() > longestKey {
						t.Errorf("%s: half an answer was taken", k.name)
					}
				}
			}
			v := k.door(address{names: []string{"a", "b", "c"}, kind: k}).judge(status, body)
			if v.taken != (status/100 == 2) || v.taken == (v.rejected != nil) {
				t.Errorf("%s: %+v", k.name, v)
			}
			if e := v.rejected; e != nil && (strings.ContainsAny(e.Error(), "\r\n\x00") || len(e.Error()) > 3000) {
				t.Errorf("%s: %q", k.name, e.Error())
			}
		}
		items, _, err := readPage(body)
		for _, i := range items {
			if err != nil {
				t.Error("a page that cannot be read has items")
			}
			_ = notes(i)
		}
	})
}

// An address is spoken to as it was read, whatever is in it.
func FuzzParse(f *testing.F) {
	f.Add("/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a")
	f.Add("/subscriptions/s/resourcegroups/g/providers/microsoft.eventhub/namespaces/n/eventhubs/h/authorizationrules/r")
	f.Fuzz(func(t *testing.T, id string) {
		at, err := parse(id)
		if err != nil {
			return
		}
		r, err := http.NewRequest(http.MethodGet, "https://management.azure.com"+at.path("listKeys"), nil)
		if err != nil || r.URL.Path != id+"/listKeys" || r.URL.Host != "management.azure.com" || r.URL.RawQuery != "api-version="+at.kind.version {
			t.Errorf("%q is asked for as %v, %v", id, r.URL, err)
		}
	})
}
