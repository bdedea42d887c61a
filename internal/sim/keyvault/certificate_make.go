package keyvault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"rekey.example/rekey/internal/sim/world"
)

// newKey makes a key of a type of the service: RSA, EC, or one of them in hardware.
func newKey(kty string, size int, curve string) (crypto.Signer, error) {
	switch strings.TrimSuffix(kty, "-HSM") {
	case "RSA":
		if size != 2048 && size != 3072 && size != 4096 {
			return nil, badParameter("Property key_size has invalid value")
		}
		return rsa.GenerateKey(rand.Reader, size)
	case "EC":
		curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
		if curves[curve] == nil {
			return nil, badParameter("Property crv has invalid value")
		}
		return ecdsa.GenerateKey(curves[curve], rand.Reader)
	}
	return nil, badParameter("Property kty has invalid value")
}

// template is the certificate a policy asks for.
func (p *policy) template() (*x509.Certificate, error) {
	subject, err := parseSubject(p.X509.Subject)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: subject, DNSNames: p.X509.SANs.DNS, EmailAddresses: p.X509.SANs.Emails,
		NotBefore: now().Add(-10 * time.Minute), NotAfter: now().AddDate(0, p.X509.Months, 0), BasicConstraintsValid: true,
	}
	for _, usage := range p.X509.KeyUsage {
		t.KeyUsage |= keyUsages[usage]
	}
	for _, eku := range p.X509.EKUs {
		oid, err := parseOID(eku)
		if err != nil {
			return nil, err
		}
		t.UnknownExtKeyUsage = append(t.UnknownExtKeyUsage, oid)
	}
	return t, nil
}

var keyUsages = map[string]x509.KeyUsage{
	"digitalSignature": x509.KeyUsageDigitalSignature, "nonRepudiation": x509.KeyUsageContentCommitment,
	"keyEncipherment": x509.KeyUsageKeyEncipherment, "dataEncipherment": x509.KeyUsageDataEncipherment,
	"keyAgreement": x509.KeyUsageKeyAgreement, "keyCertSign": x509.KeyUsageCertSign, "cRLSign": x509.KeyUsageCRLSign,
	"encipherOnly": x509.KeyUsageEncipherOnly, "decipherOnly": x509.KeyUsageDecipherOnly,
}

func parseOID(text string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, badParameter("Property policy.x509_props.ekus has invalid value")
		}
		oid = append(oid, n)
	}
	if len(oid) < 2 {
		return nil, badParameter("Property policy.x509_props.ekus has invalid value")
	}
	return oid, nil
}

// parseSubject reads a distinguished name such as "CN=app, O=Contoso".
func parseSubject(text string) (pkix.Name, error) {
	var name pkix.Name
	bad := badParameter("Property policy.x509_props.subject has invalid value")
	for part := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if !found || value == "" {
			return name, bad
		}
		switch strings.ToUpper(strings.TrimSpace(key)) {
		case "CN":
			name.CommonName = value
		case "O":
			name.Organization = append(name.Organization, value)
		case "OU":
			name.OrganizationalUnit = append(name.OrganizationalUnit, value)
		case "L":
			name.Locality = append(name.Locality, value)
		case "S", "ST":
			name.Province = append(name.Province, value)
		case "C":
			name.Country = append(name.Country, value)
		case "DC":
			name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: value})
		default:
			return name, bad
		}
	}
	return name, nil
}

// selfSign makes the certificate the policy asks for, signed by its own key.
func (p *policy) selfSign(key crypto.Signer) (*world.CertificateVersion, error) {
	t, err := p.template()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, badParameter("The certificate cannot be made as the policy asks.")
	}
	return version(der, key, nil, p.Secret.ContentType)
}

// request makes the signing request for somebody else's authority.
func (p *policy) request(key crypto.Signer) ([]byte, error) {
	t, err := p.template()
	if err != nil {
		return nil, err
	}
	csr := &x509.CertificateRequest{Subject: t.Subject, DNSNames: t.DNSNames, EmailAddresses: t.EmailAddresses}
	return x509.CreateCertificateRequest(rand.Reader, csr, key)
}

// version is a certificate with its private key packed as its secret holds it.
func version(der []byte, key crypto.Signer, chain []*x509.Certificate, contentType string) (*world.CertificateVersion, error) {
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, badParameter("The certificate cannot be read.")
	}
	packed, err := pack(parsed, key, chain, contentType)
	if err != nil {
		return nil, badParameter("The certificate and its key cannot be packed.")
	}
	return &world.CertificateVersion{
		DER: der, PFX: packed, ContentType: contentType, Subject: parsed.Subject.String(), Enabled: true,
		NotBefore: parsed.NotBefore, Expires: parsed.NotAfter,
	}, nil
}

func pack(leaf *x509.Certificate, key crypto.Signer, chain []*x509.Certificate, contentType string) ([]byte, error) {
	if contentType == pfxType {
		return pkcs12.Modern.Encode(key, leaf, chain, "")
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for _, cert := range append([]*x509.Certificate{leaf}, chain...) {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return slices.Clip(text), nil
}
