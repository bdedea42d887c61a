package entra

import (
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// proveAssertion checks a client assertion: one signed with a certificate of the
// client, or a token of an issuer that the application trusts.
func (c *call) proveAssertion(q *request, who client, replica int, lag time.Duration) (proof, *failure) {
	if q.assertionType != assertionType {
		return proof{}, invalidClient(7000216, "'client_assertion_type' must be '%s'.", assertionType)
	}
	j, err := world.ParseJWS(q.assertion)
	if err != nil {
		return proof{}, invalidClient(50027, "JWT token is invalid or malformed.")
	}
	if strings.HasPrefix(j.Claims.Issuer, "https://") {
		return c.proveFederated(j, q, who)
	}
	found, f := c.certificate(j, q, who, replica, lag)
	if f != nil {
		return found, f
	}
	if f := c.checkClaims(j, q); f != nil {
		return proof{}, f
	}
	return found, nil
}

// certificate finds the key that the header names and checks the signature with it.
func (c *call) certificate(j world.JWS, q *request, who client, replica int, lag time.Duration) (p proof, f *failure) {
	f = unregistered(j, "The key was not found.")
	c.w.Read(func() {
		for _, h := range who.holders() {
			for _, k := range h.Keys {
				if k.Usage != "Verify" || len(k.DER) == 0 || !j.Names(k.DER) || !c.knows(replica, k.KeyID, k.Added, k.Removed, lag) {
					continue
				}
				switch now := time.Now(); {
				case !now.Before(k.Ends) || now.Add(clockSkew).Before(k.Starts):
					p = proof{keyID: k.KeyID, what: "certificate", thumb: j.Thumbprint()}
					f = unregistered(j, "The key used is expired.")
				case j.Verify(k.DER) != nil:
					f = invalidClient(700027, "Client assertion failed signature validation. [Reason - The key was found, but use of the key to verify the signature failed., Thumbprint of key used by client: '%s', Client ID: '%s']", j.Thumbprint(), q.clientID)
				default:
					p, f = proof{kind: "2", holder: h.ID, keyID: k.KeyID, what: "certificate", thumb: j.Thumbprint(), used: func(at time.Time) {
						c.w.Directory.Use(k.KeyID, k.LastUsed, at)
						k.LastUsed = at
					}}, nil
					return
				}
			}
		}
	})
	return p, f
}

func unregistered(j world.JWS, reason string) *failure {
	return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - %s, Thumbprint of key used by client: '%s', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id]", reason, j.Thumbprint())
}

// checkClaims holds the assertion's claims against this request.
func (c *call) checkClaims(j world.JWS, q *request) *failure {
	if !strings.EqualFold(j.Claims.Issuer, q.clientID) || !strings.EqualFold(j.Claims.Subject, q.clientID) {
		return invalidClient(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	if !slices.ContainsFunc(j.Claims.Audience, c.ownEndpoint) {
		return invalidClient(700023, "Client assertion audience claim does not match Realm issuer.")
	}
	return checkTimes(j)
}

func checkTimes(j world.JWS) *failure {
	now := time.Now()
	from, until := time.Unix(int64(j.Claims.NotBefore), 0), time.Unix(int64(j.Claims.Expires), 0)
	if j.Claims.NotBefore == 0 {
		from = time.Unix(int64(j.Claims.IssuedAt), 0)
	}
	tooLong := !from.Equal(time.Unix(0, 0)) && until.Sub(from) > 24*time.Hour
	if j.Claims.Expires == 0 || now.Add(clockSkew).Before(from) || now.Add(-clockSkew).After(until) || tooLong {
		const layout = "2006-01-02T15:04:05.0000000Z"
		return invalidClient(700024, "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
			now.UTC().Format(layout), from.UTC().Format(layout), until.UTC().Format(layout))
	}
	return nil
}

// ownEndpoint reports whether an audience is one of this tenant's token endpoints,
// or its issuer.
func (c *call) ownEndpoint(aud string) bool {
	rest, ok := strings.CutPrefix(aud, "https://")
	if !ok {
		return false
	}
	host, path, _ := strings.Cut(rest, "/")
	tenant, path, _ := strings.Cut(path, "/")
	if !slices.Contains(aliases, strings.ToLower(host)) || !strings.EqualFold(tenant, c.w.Tenant.ID) && !c.ownDomain(tenant) && !strings.EqualFold(tenant, c.tenant) {
		return false
	}
	return slices.Contains([]string{"", "v2.0", "oauth2/token", "oauth2/v2.0/token"}, strings.TrimSuffix(strings.ToLower(path), "/"))
}

// proveFederated compares the token of a foreign issuer with the federated
// credentials of the application. The simulator has no foreign issuers whose keys
// it could ask for: the three claims and the dates decide.
func (c *call) proveFederated(j world.JWS, q *request, who client) (p proof, f *failure) {
	f = invalidClient(700211, "No matching federated identity record found for presented assertion issuer '%s'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation", j.Claims.Issuer)
	c.w.Read(func() {
		if who.app == nil {
			return
		}
		for _, r := range who.app.Federated {
			switch {
			case r.Issuer != j.Claims.Issuer:
			case !slices.ContainsFunc(j.Claims.Audience, func(a string) bool { return slices.Contains(r.Audiences, a) }):
				f = invalidClient(700212, "No matching federated identity record found for presented assertion audience '%s'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation", strings.Join(j.Claims.Audience, ","))
			case r.Subject != j.Claims.Subject:
				f = invalidClient(700213, "No matching federated identity record found for presented assertion subject '%s'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation", j.Claims.Subject)
			default:
				p, f = proof{kind: "2", holder: who.app.ID, keyID: r.ID, what: "federatedIdentityCredential", used: func(time.Time) {}}, nil
				return
			}
		}
	})
	if f != nil {
		return proof{}, f
	}
	return p, checkTimes(j)
}
