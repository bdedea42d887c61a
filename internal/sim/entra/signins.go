package entra

import (
	"net"
	"net/url"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// log writes the sign-in down, whatever came of it. A client that is not known in
// this tenant leaves no record here. See
// https://learn.microsoft.com/graph/api/resources/signin?view=graph-rest-beta
func (c *call) log(q *request, who client, p proof, aud string, f *failure, tokenID string) {
	if who.principal == nil {
		return
	}
	s := world.SignIn{
		Time: time.Now().UTC(), AppID: q.clientID, App: who.name, PrincipalID: who.principal.ID,
		KeyID: p.keyID, Kind: p.what, Thumbprint: p.thumb, IP: c.r.RemoteAddr, CorrelationID: c.correlation, TokenID: tokenID,
	}
	if ip, _, err := net.SplitHostPort(c.r.RemoteAddr); err == nil {
		s.IP = ip
	}
	if f != nil {
		s.Code, s.Reason = f.code, f.message
	}
	c.w.Change(func() {
		s.ID = c.w.GUID()
		s.ResourceID, s.Resource = c.named(aud)
		c.w.Directory.AddSignIn(s)
	})
}

// named is the API that a token is for, as the log shows it. The caller holds Change.
func (c *call) named(aud string) (appID, name string) {
	appID, ok := c.lookUp(aud)
	if !ok {
		return "", ""
	}
	if s := c.w.Directory.ServicePrincipalByClient(appID); s != nil {
		return appID, s.Name
	}
	if u, err := url.Parse(aud); err == nil && u.Host != "" {
		return appID, u.Hostname()
	}
	return appID, aud
}
