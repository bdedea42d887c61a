package api

import (
	"context"
	"errors"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

const unusedAfter = inventory.Unused

// ListCredentials lists credentials, the first to end first.
func (s *service) ListCredentials(ctx context.Context, in ListCredentialsRequestObject) (ListCredentialsResponseObject, error) {
	q, err := selected(in.Params)
	if err != nil {
		return nil, err
	}
	q.Limit = limit(in.Params.Limit)
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = keys[0]
	}
	list, err := s.Inventory.Credentials(ctx, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListCredentials200JSONResponse{Value: each(list.Rows, wireCredential)}
	if list.Next != "" {
		page.NextLink = next(u, list.Next)
	}
	return page, nil
}

// selected is what the filters of a list mean.
func selected(p wire.ListCredentialsParams) (q inventory.Query, err error) {
	q = inventory.Query{
		Expired: p.Expired, Kind: inventory.Kind(p.Kind), App: p.App, Owner: p.Owner, NoOwner: p.NoOwner, Vault: p.Vault, Unmanaged: p.Unmanaged,
		Ends: inventory.Ends(p.Ends), From: p.From, Before: p.Before, State: string(p.State), Used: string(p.Used), Impact: inventory.Impact(p.Impact),
		Consumer: p.Consumer, Shared: p.Shared, Stray: p.Stray, Search: p.Search,
	}
	if p.Unused {
		q.Unused = unusedAfter
	}
	if q.Expiring, err = span("expiring", p.Expiring); err != nil {
		return q, err
	}
	unused, err := span("unusedFor", p.UnusedFor)
	q.Unused = max(q.Unused, unused)
	return q, err
}

// GetCredential tells everything of one credential.
func (s *service) GetCredential(ctx context.Context, in GetCredentialRequestObject) (GetCredentialResponseObject, error) {
	actor := actorOf(ctx)
	d, err := s.Inventory.Credential(ctx, actor, in.KeyID)
	if err != nil {
		return nil, err
	}
	rotations, _, err := s.Rotations.List(ctx, actor, rotation.Filter{Application: d.Holder, Limit: 20})
	if err != nil {
		return nil, err
	}
	findings, err := s.findings(ctx, actor, d.Holder)
	if err != nil {
		return nil, err
	}
	out := GetCredential200JSONResponse{
		Credential: wireCredential(d.Row), Application: wireApplication(d.Application), Entries: each(d.Entries, wireEntry),
		Findings: []wire.Finding{}, Rotations: each(rotations, wireRotation),
	}
	for _, f := range findings {
		if f.KeyID == "" || f.KeyID == d.KeyID {
			out.Findings = append(out.Findings, wireFinding(f))
		}
	}
	return out, nil
}

func wireCredential(r inventory.Row) wire.Credential {
	c := wire.Credential{
		Tenant: r.Tenant, KeyID: r.KeyID, Kind: wire.CredentialKind(r.Kind), Label: r.Label, Hint: r.Hint, Thumbprint: r.Thumbprint,
		Starts: r.Starts, Expires: r.Expires, LastUsed: r.LastUsed, Unmanaged: r.Unmanaged, Gone: r.Gone,
		Application: wire.ApplicationRef{
			ObjectID: string(r.Application.ObjectID), ClientID: string(r.Application.ClientID), Holder: wire.HolderKind(r.Application.Holder), Name: r.Application.Name,
		},
		Owners: each(r.Application.Owners, wireOwner), Places: each(r.Places, wireDeposit), Consumers: each(r.Consumers, wireConsumer),
	}
	c.State, c.DaysLeft = remaining(r.Starts, r.Expires, time.Now())
	return c
}

// remaining says how a credential stands at a time. Days are whole: one that
// ends in an hour has 0 left, one that ended an hour ago -1.
func remaining(starts, expires, now time.Time) (wire.CredentialState, *int) {
	if expires.IsZero() {
		return wire.CredentialStateUnknown, nil
	}
	const day = 24 * time.Hour
	left := expires.Sub(now)
	days := int(left / day)
	if left < 0 && left%day != 0 {
		days--
	}
	switch {
	case left <= 0:
		return wire.CredentialStateExpired, &days
	case now.Before(starts):
		return wire.CredentialStateEarly, &days
	}
	return wire.CredentialStateValid, &days
}

func wireDeposit(d inventory.Deposit) wire.Place {
	p := wirePlace(d.Place)
	p.How = d.How
	return p
}

func wireConsumer(b inventory.Binding) wire.Consumer {
	return wire.Consumer{Consumer: b.Consumer, Reference: b.Reference, Source: b.Source}
}

func wireEntry(e inventory.Entry) wire.VaultEntry {
	tags := e.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return wire.VaultEntry{
		Place: wirePlace(e.Place), Kind: e.Kind, Enabled: e.Enabled, Starts: e.Starts, Expires: e.Expires,
		Created: e.Created, Updated: e.Updated, ContentType: e.ContentType, Tags: tags,
	}
}

// unclear makes an ambiguity of the inventory's one that people can end.
func unclear(err error) error {
	if e, ok := errors.AsType[*inventory.AmbiguousError](err); ok {
		return &describedError{errAmbiguous, e.Error(), "name it by its object id or client id"}
	}
	return err
}
