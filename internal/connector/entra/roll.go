package entra

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Rolling a key with proof changes one entry and cannot touch another, see
// https://learn.microsoft.com/graph/api/application-addkey and
// https://learn.microsoft.com/graph/api/application-removekey

// prover is the pair in v if its certificate is in the list and valid now; else nil.
func prover(v secret.Value, list entries) *secret.Pair {
	if !secret.IsPair(v) {
		return nil
	}
	p, err := secret.ParsePair(v)
	if err != nil {
		return nil
	}
	k, ok := list.find(p.Certificate().Raw, p.Thumbprint())
	if now := time.Now(); !ok || now.Before(k.StartDateTime) || !now.Before(k.EndDateTime) {
		return nil
	}
	return p
}

// refusedProof reports whether Graph did not take the proof, and so changed nothing.
func refusedProof(err error) bool {
	e, ok := errors.AsType[*rest.Error](err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized) && errors.Is(err, connector.ErrNotApplied)
}

func (d *Directory) addKey(ctx context.Context, o connector.Order, old *secret.Pair, add entry) error {
	return d.roll(ctx, o.Holder, "addKey", o.Request, old, map[string]any{"keyCredential": add, "passwordCredential": nil})
}

func (d *Directory) removeKey(ctx context.Context, a inventory.Application, other *secret.Pair, keyID string) error {
	return d.roll(ctx, a, "removeKey", "", other, map[string]any{"keyId": keyID})
}

// roll sends one request with a proof in it.
func (d *Directory) roll(ctx context.Context, a inventory.Application, action, request string, p *secret.Pair, q map[string]any) error {
	jwt, err := proof(p, a.ObjectID)
	if err != nil {
		return errors.Join(connector.ErrNotApplied, err)
	}
	q["proof"] = jwt.Reveal()
	body, err := json.Marshal(q)
	if err != nil {
		return errors.Join(connector.ErrNotApplied, err)
	}
	r := rest.Request{Method: http.MethodPost, Path: object(a, action), Body: body}
	if request != "" {
		r.Header = http.Header{"Client-Request-Id": {request}}
	}
	return d.Graph.Once(ctx, r, nil)
}
