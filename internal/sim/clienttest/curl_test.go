package clienttest

import (
	"encoding/json"
	"strings"
	"testing"

	"rekey.example/rekey/internal/sim/world"
)

// curl asks with the proxy and the CA from its environment.
func curl(t *testing.T, env []string, args ...string) string {
	t.Helper()
	out, err := run(t, env, "", "curl", append([]string{"--silent", "--show-error", "--max-time", "20"}, args...)...)
	if err != nil {
		t.Fatalf("curl %s: %v", args[len(args)-1], err)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	need(t, "curl", "apt-get install curl")
	d := open(t, world.Lag{})
	env := d.environment(t)

	token := func(scope string) string {
		out := curl(t, env, "--data-urlencode", "client_id="+d.tenant.Admin.ClientID, "--data-urlencode", "client_secret="+d.tenant.Admin.Secret,
			"--data-urlencode", "scope="+scope, "--data", "grant_type=client_credentials", "https://login.microsoftonline.com/"+d.tenant.ID+"/oauth2/v2.0/token")
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Token == "" {
			t.Fatalf("no token for %s: %s", scope, out)
		}
		return "Authorization: Bearer " + answer.Token
	}

	if out := curl(t, env, "--header", token("https://graph.microsoft.com/.default"), "https://graph.microsoft.com/v1.0/applications?$top=3&$select=displayName"); strings.Count(out, `"displayName":`) != 3 {
		t.Errorf("Graph: %s", out)
	}
	if out := curl(t, env, "--header", token("https://management.azure.com/.default"), "https://management.azure.com/subscriptions?api-version=2022-12-01"); !strings.Contains(out, d.tenant.SubscriptionID) {
		t.Errorf("manager: %s", out)
	}
	secret := "https://" + vault + ".vault.azure.net/secrets/from-curl?api-version=7.4"
	if out := curl(t, env, "--include", secret); !strings.Contains(strings.ToLower(out), "\r\nwww-authenticate: bearer authorization=") || !strings.Contains(out, "AKV10000") {
		t.Errorf("vault without token: %s", out)
	}
	auth := token("https://vault.azure.net/.default")
	curl(t, env, "--request", "PUT", "--header", auth, "--header", "Content-Type: application/json", "--data", `{"value":"one"}`, secret)
	if out := curl(t, env, "--header", auth, secret); !strings.Contains(out, `"value":"one"`) {
		t.Errorf("vault: %s", out)
	}
	if _, err := run(t, env, "", "curl", "--silent", "--max-time", "20", "https://nobody-has-this-vault.vault.azure.net/"); err == nil {
		t.Error("a vault that does not exist answers")
	}
}
