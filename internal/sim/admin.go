package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// adminPages are the simulator's own pages, below /_sim/ on its own port. They
// are not reachable through the tunnels. A web page of another origin cannot
// change anything through a browser.
func adminPages(s *Server) http.Handler {
	a := &admin{cloud: s.cloud, server: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/{$}", a.welcome)
	mux.HandleFunc("GET /_sim/health", a.health)
	mux.HandleFunc("GET /_sim/ca.pem", a.ca)
	mux.HandleFunc("GET /_sim/identities", a.identities)
	mux.HandleFunc("GET /_sim/faults", a.faults)
	mux.HandleFunc("PUT /_sim/faults", a.setFaults)
	mux.HandleFunc("POST /_sim/faults", a.addFaults)
	mux.HandleFunc("DELETE /_sim/faults", a.clearFaults)
	mux.HandleFunc("GET /_sim/facts", a.facts)
	mux.HandleFunc("GET /_sim/truth/applications/{application}", a.application)
	mux.HandleFunc("GET /_sim/truth/vaults/{vault}/secrets/{secret}", a.secret)
	return http.NewCrossOriginProtection().Handler(mux)
}

type admin struct {
	cloud  *Cloud
	server *Server
}

func (a *admin) welcome(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, a.cloud.welcome(a.server.URL()))
}

// welcome says what this is and what can be asked of it.
func (c *Cloud) welcome(url string) string {
	var b strings.Builder
	t := c.tenant
	fmt.Fprintf(&b, `rekey sim: pretended clouds

This is not Microsoft. It is a simulator for tests, demonstrations and training,
with the tenant %s (%s), and it answers as:

`, t.Domain, t.ID)
	for _, s := range c.systems {
		fmt.Fprintf(&b, "  %-24s %s\n", s.name, strings.Join(s.hosts, ", "))
	}
	var vaults []string
	c.world.Read(func() {
		for name := range c.world.Azure.Vaults {
			vaults = append(vaults, name+".vault.azure.net")
		}
	})
	slices.Sort(vaults)
	fmt.Fprintf(&b, "\nVaults: %s\n", strings.Join(vaults, ", "))
	fmt.Fprintf(&b, `
As a proxy:  HTTPS_PROXY=%[1]s with the CA of %[1]s/_sim/ca.pem trusted
Plainly:     %[1]s/graph.microsoft.com/v1.0/applications (the host is the first part of the path)

  GET    /_sim/ca.pem                                the CA's certificate
  GET    /_sim/identities                            who can sign in, with secrets
  GET    /_sim/faults                                the faults that are on, and all there are
  PUT    /_sim/faults                                a JSON list of faults, in place of those that are on
  POST   /_sim/faults                                further faults, or one as plain text
  DELETE /_sim/faults?name=N                         one kind of fault, or without a name all, off
  GET    /_sim/facts?what=W                          what really happened, oldest first
  GET    /_sim/truth/applications/{id or name}       credentials, and which replica accepts which
  GET    /_sim/truth/vaults/{vault}/secrets/{name}   all versions of a secret
  GET    /_sim/health                                200 once it answers
`, url)
	return b.String()
}

func (a *admin) health(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok\n") }

func (a *admin) ca(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Write(a.server.CACertPEM())
}

func (a *admin) identities(w http.ResponseWriter, r *http.Request) { writeJSON(w, a.cloud.tenant) }

func (a *admin) faults(w http.ResponseWriter, r *http.Request) {
	on := []string{}
	for _, fault := range a.cloud.world.Faults.On() {
		on = append(on, fault.String())
	}
	answer := map[string]any{"on": on, "names": world.Names}
	if a.cloud.file != nil {
		answer["file"] = a.cloud.file.path
		if err := a.cloud.file.trouble(); err != nil {
			answer["fileError"] = err.Error()
		}
	}
	writeJSON(w, answer)
}

func (a *admin) setFaults(w http.ResponseWriter, r *http.Request) {
	list, err := readFaults(w, r)
	if err == nil {
		err = a.cloud.world.Faults.Replace(list)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.faults(w, r)
}

func (a *admin) addFaults(w http.ResponseWriter, r *http.Request) {
	list, err := readFaults(w, r)
	if err == nil {
		err = a.cloud.world.Faults.Replace(append(a.cloud.world.Faults.On(), list...))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.faults(w, r)
}

// readFaults takes a JSON list, or one fault a line in the form of the command line.
func readFaults(w http.ResponseWriter, r *http.Request) ([]world.Fault, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("[")) {
		return world.ParseFaults(text)
	}
	var list []world.Fault
	for line := range strings.Lines(string(text)) {
		fault, err := world.ParseFault(strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		list = append(list, fault)
	}
	return list, nil
}

func (a *admin) clearFaults(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name != "" && !slices.Contains(world.Names, name) {
		http.Error(w, fmt.Sprintf("unknown fault %q; the faults are %s", name, strings.Join(world.Names, ", ")), http.StatusBadRequest)
		return
	}
	a.cloud.world.Faults.Clear(name)
	a.faults(w, r)
}

func (a *admin) facts(w http.ResponseWriter, r *http.Request) {
	list := a.cloud.world.Facts(r.URL.Query().Get("what"))
	if list == nil {
		list = []world.Fact{}
	}
	writeJSON(w, list)
}

// credentialTruth is what is really so with a credential.
type credentialTruth struct {
	KeyID      string     `json:"keyId"`
	Kind       string     `json:"kind"` // password or key
	Holder     string     `json:"holder"`
	Name       string     `json:"displayName"`
	Hint       string     `json:"hint,omitempty"`
	Starts     time.Time  `json:"startDateTime"`
	Ends       time.Time  `json:"endDateTime"`
	Added      *time.Time `json:"added,omitempty"`
	Removed    *time.Time `json:"removed,omitempty"` // gone, though some replica may not have heard
	LastUsed   *time.Time `json:"lastUsed,omitempty"`
	AcceptedBy []int      `json:"acceptedBy,omitempty"` // replicas
}

func (a *admin) application(w http.ResponseWriter, r *http.Request) {
	app, ok := a.cloud.Application(r.PathValue("application"))
	if !ok {
		http.Error(w, fmt.Sprintf("no application has the client id, object id or name %q", r.PathValue("application")), http.StatusNotFound)
		return
	}
	writeJSON(w, map[string]any{
		"id": app.ID, "appId": app.AppID, "displayName": app.Name, "replicas": a.cloud.world.Replicas(), "credentials": a.cloud.credentials(app.AppID),
	})
}

// credentials is the truth about everything an application can sign in with.
func (c *Cloud) credentials(clientID string) []credentialTruth {
	list := []credentialTruth{}
	c.world.Read(func() {
		for holder, h := range c.holders(clientID) {
			for _, p := range h.Passwords {
				t := credentialTruth{KeyID: p.KeyID, Kind: "password", Holder: holder, Name: p.Name, Hint: p.Hint, Starts: p.Starts, Ends: p.Ends,
					Added: known(p.Added), Removed: known(p.Removed), LastUsed: known(p.LastUsed)}
				t.AcceptedBy = c.openAt(p.KeyID, p.Added, p.Removed, p.Starts, p.Ends)
				list = append(list, t)
			}
			for _, k := range h.Keys {
				t := credentialTruth{KeyID: k.KeyID, Kind: "key", Holder: holder, Name: k.Name, Starts: k.Starts, Ends: k.Ends,
					Added: known(k.Added), Removed: known(k.Removed), LastUsed: known(k.LastUsed)}
				if k.Usage == "Verify" {
					t.AcceptedBy = c.openAt(k.KeyID, k.Added, k.Removed, k.Starts, k.Ends)
				}
				list = append(list, t)
			}
		}
	})
	return list
}

// openAt are the replicas that take a credential now. The caller holds Read.
func (c *Cloud) openAt(keyID string, added, removed, starts, ends time.Time) (replicas []int) {
	for replica := range c.world.Replicas() {
		if c.opens(replica, keyID, added, removed, starts, ends) {
			replicas = append(replicas, replica)
		}
	}
	return replicas
}

func known(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func (a *admin) secret(w http.ResponseWriter, r *http.Request) {
	list := a.cloud.Versions(r.PathValue("vault"), r.PathValue("secret"))
	if len(list) == 0 {
		http.Error(w, fmt.Sprintf("vault %q has no secret %q", r.PathValue("vault"), r.PathValue("secret")), http.StatusNotFound)
		return
	}
	writeJSON(w, list)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(v)
}
