package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

// Graph has no way to add one certificate without proof of another: PATCH takes
// the whole list, and there is no ETag that would notice a write of somebody else
// in between. So the list is read right before, until readings agree; all that any
// of them showed is sent, once; and the list is compared after.

// put writes the whole list, in one request. Its error wraps ErrNotApplied as
// that of rest.Client.Once does.
func (d *Directory) put(ctx context.Context, a inventory.Application, list entries, request string) error {
	body, err := json.Marshal(map[string]entries{"keyCredentials": list})
	if err != nil {
		return errors.Join(connector.ErrNotApplied, fmt.Errorf("cannot write the certificates of %q: %w", a.Name, err))
	}
	r := rest.Request{Method: http.MethodPatch, Path: object(a), Body: body}
	if request != "" {
		r.Header = http.Header{"Client-Request-Id": {request}}
	}
	return d.Graph.Once(ctx, r, nil)
}

// restore brings back, once, what was in the list before a write of ours and is
// not there after it (SAFETY F46), and tells of it. What it can only tell of are
// private keys that sign for SAML, whose bytes Graph never shows; and what one of
// all the readings after the write showed, and none before it: that may have been
// added in between and overwritten, or removed by somebody a moment before.
func (d *Directory) restore(ctx context.Context, a inventory.Application, before, all, now entries) {
	lost := before.missing(now)
	public := entries{}
	for _, e := range lost {
		if e.Usage == "Verify" && e.Key != "" {
			public = append(public, e)
		}
	}
	back := false
	if len(public) > 0 && d.put(ctx, a, now.known(public...), "") == nil {
		_, _, err := d.settled(ctx, a, alikeAfter, func(l entries) bool { return len(public.missing(l)) == 0 })
		back = err == nil
	}
	d.tell(a, public, back)
	d.tell(a, lost.missing(public), false)
	d.tell(a, all.missing(now).missing(lost), false)
}

func (d *Directory) tell(a inventory.Application, lost entries, restored bool) {
	if d.Overwritten == nil || len(lost) == 0 {
		return
	}
	var list []inventory.Credential
	for _, e := range lost {
		list = append(list, e.credential(a, inventory.Certificate))
	}
	d.Overwritten(a, list, restored)
}
