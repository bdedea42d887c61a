// Package azurekeys plays issuer, verifier, recaller and feed for resources of
// Azure that have two access keys: Event Grid topics, storage accounts, rules of
// Service Bus and Event Hubs, and Cosmos DB accounts.
//
// A new credential is the key that nobody uses, made anew; to withdraw one is to
// make it anew too, and to throw the value away. The manager tells the values of
// both keys again whenever it is asked, so what an answer said or did not say can
// be looked up. A key is proved by a call to the resource itself that changes
// nothing there. Keys pass through as secret.Value; connection strings are taken
// apart and put together here and nowhere else.
package azurekeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Keys are the keys of all resources that one identity may regenerate. A holder
// is one with Holder InResources and the ARM id in lower case as its ObjectID.
type Keys struct {
	ARM  *rest.Client      // https://management.azure.com as the writer
	Wire http.RoundTripper // to the resources themselves

	running operations
}

var (
	_ connector.Issuer   = (*Keys)(nil)
	_ connector.Verifier = (*Keys)(nil)
	_ connector.Recaller = (*Keys)(nil)
	_ connector.Former   = (*Keys)(nil)
)

// Credentials lists the two keys of a resource as they are now.
func (k *Keys) Credentials(ctx context.Context, holder inventory.Application) ([]inventory.Credential, error) {
	at, err := find(holder)
	if err != nil {
		return nil, err
	}
	keys, err := k.list(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("cannot list the keys of %q: %w", holder.Name, err)
	}
	defer keys.zero()
	list := []inventory.Credential{}
	for _, key := range keys {
		list = append(list, key.credential(holder))
	}
	return list, nil
}

// Issue makes the key anew that is not the one to be replaced: one request. Its
// error wraps connector.ErrPending while Cosmos DB is at it; the same call again
// then goes on waiting.
func (k *Keys) Issue(ctx context.Context, o connector.Order) (c inventory.Credential, v secret.Value, err error) {
	at, err := find(o.Holder)
	if err != nil {
		return c, v, errors.Join(connector.ErrNotApplied, err)
	}
	id, ok := at.other(o.Old.KeyID)
	if !ok {
		return c, v, fmt.Errorf("cannot choose a key of %q: %q is none of its keys: %w", o.Holder.Name, o.Old.KeyID, connector.ErrNotApplied)
	}
	keys, err := k.regenerate(ctx, at, id, o.Request)
	if err != nil {
		return c, v, fmt.Errorf("cannot regenerate %s of %q: %w", id, o.Holder.Name, err)
	}
	defer keys.zero()
	made := keys.named(id)
	return made.credential(o.Holder), secret.New(made.value.Reveal()), nil
}

// Withdraw makes a key anew and forgets the value: whoever used the key until now
// is refused. The caller has looked whether it still is the one that is meant.
func (k *Keys) Withdraw(ctx context.Context, holder inventory.Application, keyID string) error {
	at, err := find(holder)
	if err != nil {
		return errors.Join(connector.ErrNotApplied, err)
	}
	if _, ok := at.other(keyID); !ok {
		return fmt.Errorf("cannot withdraw %q of %q: it is none of its keys: %w", keyID, holder.Name, connector.ErrNotApplied)
	}
	keys, err := k.regenerate(ctx, at, keyID, "")
	if err != nil {
		return fmt.Errorf("cannot regenerate %s of %q: %w", keyID, holder.Name, err)
	}
	keys.zero()
	return nil
}

// Recall returns the present value of a key.
func (k *Keys) Recall(ctx context.Context, holder inventory.Application, keyID string) (secret.Value, error) {
	at, err := find(holder)
	if err != nil {
		return secret.Value{}, err
	}
	if _, ok := at.other(keyID); !ok {
		return secret.Value{}, fmt.Errorf("key %q of %q: %w", keyID, holder.Name, connector.ErrNotFound)
	}
	keys, err := k.list(ctx, at)
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot read %s of %q: %w", keyID, holder.Name, err)
	}
	defer keys.zero()
	return secret.New(keys.named(keyID).value.Reveal()), nil
}

// Essence is the key in a connection string, and any other value itself.
func (k *Keys) Essence(v secret.Value) secret.Value { return KeyOf(v) }

// Form puts a key where a former value has its own.
func (k *Keys) Form(former, v secret.Value) (secret.Value, error) { return Rewrite(former, v) }

// list asks for both keys. It is a POST that changes nothing.
func (k *Keys) list(ctx context.Context, at address) (pair, error) {
	a, err := k.ARM.Send(ctx, rest.Request{Method: http.MethodPost, Path: at.path("listKeys")})
	defer clear(a.Body)
	if err != nil {
		return pair{}, err
	}
	return at.kind.read(a.Body)
}

// regenerate makes one key anew with one request and returns both. If one that it
// sent before goes on, it sends none and waits for that. Its error wraps
// ErrNotApplied only if surely nothing happened.
func (k *Keys) regenerate(ctx context.Context, at address, id, request string) (pair, error) {
	if op, ok := k.running.take(at.path(id)); ok {
		return k.await(ctx, at, id, op, 0)
	}
	was, err := k.list(ctx, at)
	if err != nil {
		return pair{}, errors.Join(connector.ErrNotApplied, err)
	}
	body, err := json.Marshal(at.kind.ask(id))
	if err != nil {
		return pair{}, errors.Join(connector.ErrNotApplied, err)
	}
	q := rest.Request{Method: http.MethodPost, Path: at.path(at.kind.renew), Body: body}
	if request != "" {
		q.Header = http.Header{"X-Ms-Client-Request-Id": {request}}
	}
	a, err := k.ARM.Send(ctx, q)
	defer clear(a.Body)
	if err != nil {
		return pair{}, settled(err)
	}
	if a.Status == http.StatusAccepted {
		return k.await(ctx, at, id, operation{a.Header.Get("Azure-AsyncOperation"), time.Now(), was}, rest.RetryAfter(a.Header))
	}
	defer was.zero()
	keys, err := at.kind.read(a.Body)
	if err != nil {
		return pair{}, err
	}
	if keys.named(id).value.Equal(was.named(id).value) {
		keys.zero()
		return pair{}, errUnchanged
	}
	return keys, nil
}

// errUnchanged means that the manager said yes and tells the key as it was.
var errUnchanged = errors.New("the answer tells the key as it was before")

// settled keeps the mark ErrNotApplied where the manager refused a request before
// it did anything. Other refusals can be those of a copy of the request that came
// after the first one had been applied: 409, 412.
func settled(err error) error {
	e, ok := errors.AsType[*rest.Error](err)
	if !ok {
		return err // no connection, or an answer that says nothing: package rest knows which
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return err
	}
	return e
}
