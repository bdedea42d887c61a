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
// in between. So the list is read right before, until readings agree; sent once;
// and compared after.

// put writes the whole list, in one request. Its error wraps ErrNotApplied as
// that of rest.Client.Once does.
func (d *Directory) put(ctx context.Context, a inventory.Application, list entries, request string) error {
	body, err := json.Marshal(map[string]entries{"keyCredentials": append(entries{}, list...)})
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
// not there after it (SAFETY F46). Only a public part can be sent again: private
// keys that sign for SAML, which Graph never shows, are told of and no more.
func (d *Directory) restore(ctx context.Context, a inventory.Application, before, now entries) {
	lost := before.missing(now)
	if len(lost) == 0 {
		return
	}
	again := append(entries{}, now...)
	for _, e := range lost {
		if e.Usage == "Verify" && e.Key != "" {
			again = append(again, e)
		}
	}
	restored := false
	if len(again) == len(now)+len(lost) && d.put(ctx, a, again, "") == nil {
		_, err := d.settled(ctx, a, func(l entries) bool { return len(lost.missing(l)) == 0 })
		restored = err == nil
	}
	if d.Overwritten == nil {
		return
	}
	var list []inventory.Credential
	for _, e := range lost {
		list = append(list, e.credential(a, inventory.Certificate))
	}
	d.Overwritten(a, list, restored)
}
