package graph

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// sink is a response that is only counted, and searched for its link.
type sink struct {
	header http.Header
	size   int
	link   string
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(b []byte) (int, error) {
	s.size += len(b)
	if _, rest, ok := bytes.Cut(b[:min(len(b), 2000)], []byte(`"@odata.nextLink":"`)); ok {
		link, _, _ := bytes.Cut(rest, []byte(`"`))
		s.link = string(link)
	}
	return len(b), nil
}

// BenchmarkList pages through 100,000 applications.
func BenchmarkList(b *testing.B) {
	w, err := world.New(world.Config{Tenant: world.Tenant{ID: tenantID, Domain: "contoso.com"}})
	if err != nil {
		b.Fatal(err)
	}
	const n = 100_000
	w.Change(func() {
		w.Directory.AddServicePrincipal(&world.ServicePrincipal{Holder: world.Holder{ID: callerID, AppID: callerID}})
		for i := range n {
			a := &world.Application{Holder: world.Holder{ID: w.GUID(), AppID: w.GUID(), Name: fmt.Sprint("application ", i), Created: time.Now()}}
			for range 2 {
				a.Passwords = append(a.Passwords, &world.Password{KeyID: w.GUID(), Name: "rekey", Hint: "abc", Starts: time.Now(), Ends: time.Now()})
			}
			w.Directory.AddApplication(a)
		}
	})
	token, err := w.Signer.Sign(world.Claims{Audience: world.GraphAppID, TenantID: tenantID, ObjectID: callerID, Expires: time.Now().Add(24 * time.Hour).Unix(), Roles: []string{"Application.Read.All"}})
	if err != nil {
		b.Fatal(err)
	}
	h := Handler(w)
	for _, query := range []string{"$top=999", "$top=999&$select=id,appId,displayName,passwordCredentials,keyCredentials", "$top=999&$orderby=displayName"} {
		all := func() (size int) {
			for link := "https://graph.microsoft.com/v1.0/applications?" + query; link != ""; {
				r := httptest.NewRequest("GET", link, nil)
				r.Header.Set("Authorization", "Bearer "+token)
				s := &sink{header: http.Header{}}
				h.ServeHTTP(s, r)
				size, link = size+s.size, s.link
			}
			return size
		}
		b.Run(query, func(b *testing.B) {
			b.SetBytes(int64(all())) // and encodes everything once
			for b.Loop() {
				all()
			}
		})
	}
}
