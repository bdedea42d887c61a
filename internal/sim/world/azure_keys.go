package world

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"strings"
	"time"
)

// KeyType is the kty of a public key, without regard to hardware: RSA or EC.
func KeyType(public PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	}
	return "oct"
}

// ResourceKey is one of the keys of a resource that has several.
type ResourceKey struct {
	Name, Value string
	Created     time.Time
	Was         string    // the value before, which replicas take until they have heard
	Next        string    // what an operation that is under way will make of it, ...
	Due         time.Time // ... and when
}

// Renew gives the key a new value at a moment, which may lie ahead.
func (k *ResourceKey) Renew(value string, at time.Time) {
	k.settle(time.Now())
	k.Next, k.Due = value, at
	k.settle(time.Now())
}

func (k *ResourceKey) settle(now time.Time) {
	if k.Next != "" && !now.Before(k.Due) {
		k.Was, k.Value, k.Created, k.Next = k.Value, k.Next, k.Due, ""
	}
}

// Busy reports whether an operation on the key is under way.
func (k *ResourceKey) Busy(now time.Time) bool { return k.Next != "" && now.Before(k.Due) }

// At is the value at a moment.
func (k ResourceKey) At(now time.Time) string {
	k.settle(now)
	return k.Value
}

// Born is since when the key has the value it has at a moment.
func (k ResourceKey) Born(now time.Time) time.Time {
	k.settle(now)
	return k.Created
}

// Opens finds the key of a resource that fits, as one replica of its data plane
// knows them. A key made anew is refused, and the old one taken, until the
// replica has heard of it. The caller holds Read or Change.
func (w *World) Opens(replica int, r *Resource, fits func(value string) bool) (name string, ok bool) {
	now := time.Now()
	for _, k := range r.Keys {
		settled := *k
		settled.settle(now)
		value := settled.Value
		news := "regenerated " + strings.ToLower(r.ID) + " " + k.Name + " " + settled.Created.UTC().Format(time.RFC3339Nano)
		if settled.Was != "" && !w.Heard(replica, news, settled.Created, w.Lag.Key) {
			value = settled.Was
		}
		if fits(value) {
			return k.Name, true
		}
	}
	return "", false
}

// Operation is something that a manager does in its own time.
type Operation struct {
	ID, Resource string
	Due          time.Time
}
