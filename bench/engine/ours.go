package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"rekey.example/rekey/bench/engine/town"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// ours is rekey's engine: the keeper, its journal and log, and the carrier that
// serve would use on that database. Everything counts, from the proposal on.
func ours(ctx context.Context, folder, where string, t *town.Town) (r result, err error) {
	db, err := store.Open(ctx, where, audit.Schema, inventory.Schema, rotation.Schema, rotation.LeaseSchema)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var commits atomic.Int64
	db.Committed = func() { commits.Add(1) }
	k, err := keeper(folder, db, t)
	if err != nil {
		return r, err
	}
	carrying, stop := context.WithCancel(ctx)
	wake, wait, err := daemon.Carry(carrying, db, k, "bench", slog.Default())
	if err != nil {
		stop()
		return r, err
	}
	defer func() { stop(); wait() }()
	syncs, cpu := synced(ctx, db.Pool()), spent(ctx, db.Pool())
	r.took, err = flow(ctx, len(t.Subjects), func(i int) error { return request(ctx, k, t, t.Subjects[i], wake) }, func() (n int, err error) {
		err = db.View(ctx, func(tx *store.Tx) error {
			return tx.QueryRow(`SELECT count(*) FROM rotation WHERE state = 'done'`).Scan(&n)
		})
		return n, err
	})
	if err != nil {
		return r, errors.Join(err, stuck(ctx, k, t))
	}
	r.cpu = spent(ctx, db.Pool()) - cpu
	r.commits, r.syncs = commits.Load(), synced(ctx, db.Pool())-syncs
	if db.Pool() == nil {
		r.syncs = r.commits
	}
	_, err = k.Log.Verify(ctx, db)
	return r, err
}

// keeper is rekey's engine with nothing to wait for.
func keeper(folder string, db *store.DB, t *town.Town) (*rotation.Keeper, error) {
	ring, err := secret.OpenKeyring(folder, "")
	if err != nil {
		return nil, err
	}
	log, err := audit.New(ring.Signing)
	if err != nil {
		return nil, err
	}
	sys := rotation.Systems{
		Issuer: t.Directory, Verifier: t.Directory, Now: t.Directory.Now,
		Vault: func(string) (connector.Vault, error) { return t.Vault, nil },
	}
	return &rotation.Keeper{
		Store: db, Log: log, Sealer: ring.Sealer, Markers: ring.Markers, Values: ring.Values,
		Systems: func(string, inventory.HolderKind) (rotation.Systems, error) { return sys, nil },
		Timings: map[string]rotation.Timing{"planned": {Successes: rotation.Timings["planned"].Successes}},
	}, nil
}

// request proposes a rotation and approves it.
func request(ctx context.Context, k *rotation.Keeper, t *town.Town, s town.Subject, wake func()) error {
	nora := access.Actor{ID: "token:nora", Tenant: t.Tenant, Name: "Nora", Person: "nora@contoso.com", Role: access.User}
	omar := access.Actor{ID: "token:omar", Tenant: t.Tenant, Name: "Omar", Person: "omar@contoso.com", Role: access.Administrator}
	r, err := k.Propose(ctx, nora, rotation.Request{
		Application: s.Application, Old: inventory.Credential{KeyID: s.Old, Kind: inventory.ClientSecret}, Place: s.Place,
		Consumers: []rotation.Use{{Consumer: s.Consumer(), Reference: s.Place.String()}}, Reason: "measured",
	})
	if err != nil {
		return err
	}
	_, err = k.Approve(ctx, omar, r.ID, r.Hash)
	wake()
	return err
}

// stuck tells of a rotation that has not ended.
func stuck(ctx context.Context, k *rotation.Keeper, t *town.Town) error {
	omar := access.Actor{ID: "token:omar", Tenant: t.Tenant, Name: "Omar", Role: access.Administrator}
	list, _, err := k.List(ctx, omar, rotation.Filter{State: rotation.Open, Limit: 1})
	if err != nil || len(list) == 0 {
		return err
	}
	return errors.New("a rotation waits: " + list[0].Problem)
}
