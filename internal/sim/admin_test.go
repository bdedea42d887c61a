package sim

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func ask(t *testing.T, server *Server, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rt := new(http.Transport)
	defer rt.CloseIdleConnections()
	return send(rt, req)
}

func on(cloud *Cloud) (list []string) {
	for _, fault := range cloud.World().Faults.On() {
		list = append(list, fault.String())
	}
	return list
}

func TestFaultsAreSwitchedAtRunTime(t *testing.T) {
	cloud, server := listening(t, Config{Faults: []world.Fault{{Name: world.Throttled, Times: 3}}})
	for _, c := range []struct {
		method, path, body string
		status             int
		want               []string
	}{
		{"GET", "/_sim/faults", "", 200, []string{"throttled::times=3"}},
		{"POST", "/_sim/faults", "late-answer:GET */*:delay=5s\nsecret-lag:delay=2m\n", 200, []string{"throttled::times=3", "late-answer:GET */*:delay=5s", "secret-lag::delay=2m0s"}},
		{"DELETE", "/_sim/faults?name=late-answer", "", 200, []string{"throttled::times=3", "secret-lag::delay=2m0s"}},
		{"DELETE", "/_sim/faults?name=late-anser", "", 400, []string{"throttled::times=3", "secret-lag::delay=2m0s"}},
		{"PUT", "/_sim/faults", `["mangled",{"name":"late-effect","delay":"1m","times":1}]`, 200, []string{"mangled", "late-effect::times=1,delay=1m0s"}},
		{"PUT", "/_sim/faults", `["mangled",{"name":"nothing"}]`, 400, []string{"mangled", "late-effect::times=1,delay=1m0s"}},
		{"POST", "/_sim/faults", "nothing at all", 400, []string{"mangled", "late-effect::times=1,delay=1m0s"}},
		{"DELETE", "/_sim/faults", "", 200, nil},
	} {
		a := ask(t, server, c.method, c.path, c.body)
		if got := on(cloud); a.status != c.status || !slices.Equal(got, c.want) {
			t.Errorf("%s %s %s is answered %d and leaves %q on, want %d and %q", c.method, c.path, c.body, a.status, got, c.status, c.want)
		}
	}
}

func TestTruthIsTold(t *testing.T) {
	cloud, server := listening(t, Config{})
	demo := cloud.Tenant().Demo
	for _, key := range []string{demo.Name, demo.ClientID, demo.ApplicationID} {
		a := ask(t, server, "GET", "/_sim/truth/applications/"+key, "")
		var got struct {
			AppID       string
			Credentials []credentialTruth
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%v: %v", a, err)
		}
		if got.AppID != demo.ClientID || len(got.Credentials) != 1 || got.Credentials[0].KeyID != demo.KeyID || !slices.Equal(got.Credentials[0].AcceptedBy, []int{0, 1, 2}) {
			t.Errorf("the truth about %s is %+v", key, got)
		}
	}
	var versions []world.SecretVersion
	a := ask(t, server, "GET", "/_sim/truth/vaults/"+demo.Vault+"/secrets/"+demo.Secret, "")
	if err := json.Unmarshal([]byte(a.body), &versions); err != nil {
		t.Fatal(err)
	}
	value, ok := cloud.Current(demo.Vault, demo.Secret)
	if !ok || len(versions) != 3 || versions[2].Value != value || cloud.Accepts(demo.ClientID, value) != 3 || cloud.Accepts(demo.ClientID, versions[0].Value) != 0 {
		t.Errorf("the vault holds %d versions, the newest is accepted by %d replicas", len(versions), cloud.Accepts(demo.ClientID, value))
	}
	if a := ask(t, server, "GET", "/_sim/truth/applications/nobody", ""); a.status != 404 {
		t.Errorf("an application that does not exist is answered %v", a)
	}
	if a := ask(t, server, "GET", "/_sim/truth/vaults/kv-contoso-prod/secrets/nothing", ""); a.status != 404 {
		t.Errorf("a secret that does not exist is answered %v", a)
	}
}

func TestAdminPages(t *testing.T) {
	cloud, server := listening(t, Config{})
	for path, want := range map[string]string{
		"/_sim/":           "This is not Microsoft.",
		"/_sim/ca.pem":     "BEGIN CERTIFICATE",
		"/_sim/identities": cloud.Tenant().Reader.Secret,
		"/_sim/facts":      "[]",
		"/_sim/health":     "ok",
	} {
		if a := ask(t, server, "GET", path, ""); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s is answered %v, want %q in it", path, a, want)
		}
	}
	rt := through(t, server, false)
	if a := get(t, rt, "https://login.microsoftonline.com/_sim/identities"); a.status == 200 {
		t.Error("the simulator's pages are reachable under the clouds' names")
	}
	req, _ := http.NewRequest("DELETE", server.URL()+"/_sim/faults", nil)
	req.Header.Set("Origin", "https://evil.example")
	if a := send(new(http.Transport), req); a.status != 403 {
		t.Errorf("another origin's page may switch faults: %v", a)
	}
}

func TestFaultFileIsReadAgainWhenItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.json")
	write := func(text string, at time.Time) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	write(`["throttled:PUT */*/*:times=1"]`, began)
	always := world.Fault{Name: world.SkewedClock, Match: "GET nothing", Delay: time.Hour}
	cloud, server := listening(t, Config{FaultFile: file, Faults: []world.Fault{always}})
	rt := through(t, server, true)
	token := vaultToken(t, cloud, rt)
	if a := put(t.Context(), t, rt, token); a.status != 429 {
		t.Errorf("the fault of the file does not strike: %v", a)
	}

	write(`["lost-request:PUT */*/*"]`, began.Add(time.Second))
	if a := put(t.Context(), t, rt, token); a.err == nil {
		t.Errorf("the changed file is not taken over: %v", a)
	}
	if got := on(cloud); !slices.Equal(got, []string{always.String(), "lost-request:PUT */*/*"}) {
		t.Errorf("the faults that are on are %q", got)
	}

	write(`["lost-rquest"]`, began.Add(2*time.Second))
	if a := put(t.Context(), t, rt, token); a.err == nil {
		t.Errorf("a file with a slip switched the faults off: %v", a)
	}
	if a := ask(t, server, "GET", "/_sim/faults", ""); !strings.Contains(a.body, "lost-rquest") {
		t.Errorf("nobody is told of the slip: %v", a)
	}

	write(`[]`, began.Add(3*time.Second))
	if a := put(t.Context(), t, rt, token); a.status != 200 {
		t.Errorf("an empty file leaves faults on: %v", a)
	}
	if _, err := New(Config{FaultFile: file + ".missing"}); err == nil {
		t.Error("a missing fault file is not an error at the start")
	}
}
