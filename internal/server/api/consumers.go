package api

import (
	"context"
	"strings"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
)

// ListConsumers lists who uses credentials, by name.
func (s *service) ListConsumers(ctx context.Context, in ListConsumersRequestObject) (ListConsumersResponseObject, error) {
	q := inventory.ConsumerQuery{Name: in.Params.Name, Shared: in.Params.Shared, Limit: limit(in.Params.Limit)}
	u := requestOf(ctx).URL
	keys, err := after(u, 1)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = keys[0]
	}
	list, more, err := s.Inventory.Consumers(ctx, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListConsumers200JSONResponse{Value: each(list, func(c inventory.Consumer) wire.ConsumerSummary {
		return wire.ConsumerSummary{Name: c.Name, Credentials: c.Credentials, Applications: c.Applications, Ends: c.Ends}
	})}
	if more {
		page.NextLink = next(u, strings.ToLower(list[len(list)-1].Name))
	}
	return page, nil
}

// ListVaults lists the vaults and how much each holds.
func (s *service) ListVaults(ctx context.Context, _ ListVaultsRequestObject) (ListVaultsResponseObject, error) {
	list, err := s.Inventory.VaultList(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return ListVaults200JSONResponse{Value: each(list, func(v inventory.VaultSummary) wire.VaultSummary {
		return wire.VaultSummary{Vault: v.Vault, Entries: v.Entries, Matched: v.Matched, Disabled: v.Disabled, Ending: v.Ending, Read: v.Read}
	})}, nil
}

// ListVaultEntries lists what a vault holds, by name.
func (s *service) ListVaultEntries(ctx context.Context, in ListVaultEntriesRequestObject) (ListVaultEntriesResponseObject, error) {
	q := inventory.EntryQuery{Vault: in.Vault, Name: in.Params.Name, Unmatched: in.Params.Unmatched, Limit: limit(in.Params.Limit)}
	u := requestOf(ctx).URL
	keys, err := after(u, 2)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		q.After = inventory.Place{Name: keys[0], Version: keys[1]}
	}
	list, more, err := s.Inventory.VaultEntries(ctx, actorOf(ctx), q)
	if err != nil {
		return nil, err
	}
	page := ListVaultEntries200JSONResponse{Value: each(list, wireKept)}
	if more {
		last := list[len(list)-1]
		page.NextLink = next(u, last.Place.Name, last.Kind)
	}
	return page, nil
}

func wireKept(r inventory.EntryRow) wire.KeptEntry {
	k := wire.KeptEntry{Entry: wireEntry(r.Entry)}
	if r.KeyID != "" {
		k.KeyID, k.How = r.KeyID, r.How
		k.Application = &wire.ApplicationRef{
			ObjectID: string(r.Holder.ObjectID), ClientID: string(r.Holder.ClientID), Holder: wire.HolderKind(r.Holder.Holder), Name: r.Holder.Name,
		}
	}
	return k
}
