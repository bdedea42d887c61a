package rotation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"time"

	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/sim/contoso"
)

// scenes are the plans and kinds that every fault is tried on.
var scenes = []scene{
	{name: "planned, client secret", request: (*town).request, subject: secretOfDemo},
	{name: "emergency, client secret", request: emergency((*town).request), subject: secretOfDemo},
	{name: "revoke, client secret", request: revoke((*town).request), subject: secretOfDemo, revoked: true},
	{name: "next, client secret", request: next((*town).request), subject: secretOfDemo, both: true},
	{name: "planned, client secret of a service principal", request: (*town).onPrincipal, subject: secretOfPrincipal},
	{name: "planned, certificate in a vault", request: (*town).certificate, subject: certificateOfDemo},
	{name: "planned, keys of a storage account", request: (*town).storage, subject: keysOfStorage},
	{name: "revoke, keys of a storage account", request: revoke((*town).storage), subject: keysOfStorage, revoked: true},
}

func emergency(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan, q.Keep = "emergency", []string{"*"}
		return q
	}
}

func revoke(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan = "revoke"
		return q
	}
}

func next(of func(*town) rotation.Request) func(*town) rotation.Request {
	return func(w *town) rotation.Request {
		q := of(w)
		q.Plan, q.Place.Name = "next", q.Place.Name+"-next"
		return q
	}
}

// secretOfDemo is the client secret that the demonstration rotates.
func secretOfDemo(w *town) subject {
	return &entraSubject{w, inventory.ClientID(w.tenant.Demo.ClientID), w.tenant.Demo.Vault, w.tenant.Demo.Secret}
}

type entraSubject struct {
	w             *town
	client        inventory.ClientID
	vault, secret string
}

func (s *entraSubject) current() string {
	v, ok := s.w.cloud.Current(s.vault, s.secret)
	if !ok {
		s.w.t.Fatal("consumers find no value in the vault")
	}
	return v
}

func (s *entraSubject) accepts(v string) bool {
	return s.w.cloud.Accepts(string(s.client), v) == s.w.cloud.World().Replicas()
}

func (s *entraSubject) refuses(v string) bool { return s.w.cloud.Accepts(string(s.client), v) == 0 }

func (s *entraSubject) left() int { return len(s.w.cloud.Passwords(string(s.client))) }

// of is a request for the credential of one of the planted demonstrations.
func (w *town) of(demo contoso.Demo, holder inventory.HolderKind, kind inventory.Kind) rotation.Request {
	q := w.request()
	q.Application.Holder, q.Application.Name, q.Application.ClientID = holder, demo.Name, inventory.ClientID(demo.ClientID)
	q.Application.ObjectID = inventory.ObjectID(demo.ApplicationID)
	if holder == inventory.InServicePrincipals {
		q.Application.ObjectID = inventory.ObjectID(demo.PrincipalID)
	}
	q.Old = inventory.Credential{KeyID: demo.KeyID, Kind: kind}
	q.Place = inventory.Place{Vault: demo.Vault + ".vault.azure.net", Name: demo.Secret}
	q.Consumers = []rotation.Use{{Consumer: demo.Consumer, Reference: q.Place.String()}}
	return q
}

func (w *town) onPrincipal() rotation.Request {
	return w.of(w.tenant.DemoPrincipal, inventory.InServicePrincipals, inventory.ClientSecret)
}

func secretOfPrincipal(w *town) subject {
	d := w.tenant.DemoPrincipal
	return &entraSubject{w, inventory.ClientID(d.ClientID), d.Vault, d.Secret}
}

func (w *town) certificate() rotation.Request {
	w.pairs = ready
	return w.of(w.tenant.DemoPEM, inventory.InApplications, inventory.Certificate)
}

func certificateOfDemo(w *town) subject {
	w.pairs = ready
	d := w.tenant.DemoPEM
	return &certificateSubject{entraSubject{w, inventory.ClientID(d.ClientID), d.Vault, d.Secret}}
}

type certificateSubject struct{ entraSubject }

func (s *certificateSubject) left() int { return len(s.w.cloud.Keys(string(s.client))) }

// ready is a maker of key pairs that has made a few keys beforehand: making one
// takes longer than a rotation does here. Every attempt of one rotation gets another.
var ready = &readyPairs{}

type readyPairs struct {
	made sync.Once
	keys []*rsa.PrivateKey
}

func (p *readyPairs) MakePair(_ context.Context, subject, marker string, starts, ends time.Time) (secret.Value, error) {
	p.made.Do(func() {
		for range 8 {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			p.keys = append(p.keys, key)
		}
	})
	n := 0
	for _, c := range marker {
		n += int(c)
	}
	key := p.keys[n%len(p.keys)]
	leaf := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: subject}, NotBefore: starts, NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		return secret.Value{}, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return secret.Value{}, err
	}
	return secret.New(append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)), nil
}

func (p *readyPairs) Discard(context.Context, string) error { return nil }

const bankFiles = "stcontosobankfiles"

func (w *town) storageID() string {
	return strings.ToLower("/subscriptions/" + w.tenant.SubscriptionID + "/resourceGroups/rg-finance/providers/Microsoft.Storage/storageAccounts/" + bankFiles)
}

func (w *town) storage() rotation.Request {
	q := w.request()
	q.Application = inventory.Application{
		Tenant: w.tenant.ID, ObjectID: inventory.ObjectID(w.storageID()), Holder: inventory.InResources, Name: bankFiles, Kind: "Microsoft.Storage/storageAccounts",
	}
	q.Old = inventory.Credential{KeyID: "key1", Kind: inventory.AccessKey}
	q.Place = inventory.Place{Vault: w.tenant.Demo.Vault + ".vault.azure.net", Name: "bank-files-storage-connection"}
	q.Consumers = []rotation.Use{{Consumer: "Archive of bank files", Reference: q.Place.String()}}
	return q
}

func keysOfStorage(w *town) subject { return &keySubject{w} }

// keySubject is the pair of keys of a storage account; its vault entry holds a
// connection string.
type keySubject struct{ w *town }

func (s *keySubject) current() string {
	v, ok := s.w.cloud.Current(s.w.tenant.Demo.Vault, "bank-files-storage-connection")
	if !ok {
		s.w.t.Fatal("consumers find no value in the vault")
	}
	return v
}

func (s *keySubject) accepts(v string) bool {
	for _, key := range s.w.cloud.ResourceKeys(s.w.storageID()) {
		if strings.Contains(v, key) {
			return true
		}
	}
	return false
}

func (s *keySubject) refuses(v string) bool { return !s.accepts(v) }
func (s *keySubject) left() int             { return 2 }
