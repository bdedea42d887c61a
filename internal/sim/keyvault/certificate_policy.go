package keyvault

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"maps"

	"rekey.example/rekey/internal/sim/world"
)

// policy is the part of a certificate policy that decides what is made. The
// rest is kept as it came, and given back.
type policy struct {
	Key struct {
		Exportable *bool  `json:"exportable"`
		Type       string `json:"kty"`
		Size       int    `json:"key_size"`
		Curve      string `json:"crv"`
		Reuse      bool   `json:"reuse_key"`
	} `json:"key_props"`
	Secret struct {
		ContentType string `json:"contentType"`
	} `json:"secret_props"`
	X509 struct {
		Subject string `json:"subject"`
		SANs    struct {
			DNS    []string `json:"dns_names"`
			Emails []string `json:"emails"`
			UPNs   []string `json:"upns"`
		} `json:"sans"`
		EKUs     []string `json:"ekus"`
		KeyUsage []string `json:"key_usage"`
		Months   int      `json:"validity_months"`
	} `json:"x509_props"`
	Issuer struct {
		Name string `json:"name"`
	} `json:"issuer"`
}

const (
	pfxType = "application/x-pkcs12"
	pemType = "application/x-pem-file"
)

// readPolicy reads what decides from a policy and fills what it leaves open.
func readPolicy(raw map[string]any) (*policy, error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, badParameter("Property policy has invalid value")
	}
	var p policy
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, badParameter("Property policy has invalid value")
	}
	if p.Key.Type == "" {
		p.Key.Type = "RSA"
	}
	if p.Key.Size == 0 {
		p.Key.Size = 2048
	}
	if p.Key.Curve == "" {
		p.Key.Curve = "P-256"
	}
	if p.Secret.ContentType == "" {
		p.Secret.ContentType = pfxType
	}
	if p.X509.Months == 0 {
		p.X509.Months = 12
	}
	if p.Issuer.Name == "" {
		p.Issuer.Name = "Unknown"
	}
	if p.Secret.ContentType != pfxType && p.Secret.ContentType != pemType {
		return nil, badParameter("Property policy.secret_props.contentType has invalid value")
	}
	if p.X509.Months < 0 || p.X509.Months > 1200 {
		return nil, badParameter("Property policy.x509_props.validity_months has invalid value")
	}
	return &p, nil
}

// policyOf is the certificate's policy as the service tells it.
func (c *call) policyOf(s *world.Certificate) map[string]any {
	p := maps.Clone(s.Policy)
	if p == nil {
		p = impliedPolicy(newest(s.Versions))
	}
	p["id"] = c.base() + "/certificates/" + s.Name + "/policy"
	created, updated := policyTimes(s)
	p["attributes"] = map[string]any{"enabled": true, "created": created, "updated": updated}
	return p
}

func policyTimes(s *world.Certificate) (created, updated int64) {
	if len(s.Versions) == 0 {
		return unix(s.Pending.Started), unix(s.Pending.Started)
	}
	return unix(s.Versions[0].Created), unix(newest(s.Versions).Created)
}

// impliedPolicy is what the service makes up for a certificate imported without a policy.
func impliedPolicy(v *world.CertificateVersion) map[string]any {
	key := map[string]any{"exportable": true, "kty": "RSA", "key_size": 2048, "reuse_key": false}
	months := 12
	if parsed, err := x509.ParseCertificate(v.DER); err == nil {
		months = max(1, int(parsed.NotAfter.Sub(parsed.NotBefore).Hours()/(24*30)))
		switch public := parsed.PublicKey.(type) {
		case *rsa.PublicKey:
			key["key_size"] = public.N.BitLen()
		case *ecdsa.PublicKey:
			key["kty"], key["key_size"], key["crv"] = "EC", public.Params().BitSize, public.Params().Name
		}
	}
	return map[string]any{
		"key_props":    key,
		"secret_props": map[string]any{"contentType": v.ContentType},
		"x509_props":   map[string]any{"subject": v.Subject, "ekus": []string{}, "key_usage": []string{}, "validity_months": months},
		"lifetime_actions": []any{map[string]any{
			"trigger": map[string]any{"lifetime_percentage": 80}, "action": map[string]any{"action_type": "EmailContacts"},
		}},
		"issuer": map[string]any{"name": "Unknown"},
	}
}

func (c *call) getPolicy(name string) (a *answer, err error) {
	c.w.Read(func() {
		var s *world.Certificate
		if s, err = c.certificates().find(name); err == nil {
			a = ok(c.policyOf(s))
		}
	})
	return a, err
}

func (c *call) updatePolicy(name string) (*answer, error) {
	var body map[string]any
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if body == nil {
		return nil, badParameter("Property policy has invalid value")
	}
	if _, err := readPolicy(body); err != nil {
		return nil, err
	}
	var a *answer
	var err error
	c.w.Change(func() {
		var s *world.Certificate
		if s, err = c.certificates().find(name); err != nil {
			return
		}
		p := c.policyOf(s)
		maps.Copy(p, body)
		s.Policy = p
		c.record("updateCertificatePolicy", s.Name, "")
		a = ok(c.policyOf(s))
	})
	return a, err
}
