package rotation

import (
	"context"
	"time"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Effect stands between a rotation and everything whose outcome is not ours to
// decide: a commit of the journal, a request to a system. A test that is given
// the place of do can refuse it, let it happen and lose the answer, let it happen
// twice, or stop the process before it or after it (SAFETY 2.5). Nil lets
// everything happen.
type Effect func(ctx context.Context, point string, do func(context.Context) error) error

// The points, in the order of a rotation.
const (
	PointJournal  = "journal"
	PointList     = "directory.list"
	PointIssue    = "directory.issue"
	PointWithdraw = "directory.withdraw"
	PointRecall   = "directory.recall"
	PointWays     = "directory.ways"
	PointClose    = "directory.close"
	PointSignIn   = "token"
	PointGet      = "vault.get"
	PointPut      = "vault.put"
	PointClock    = "clock"
	PointTell     = "consumer.tell"
	PointMoved    = "consumer.moved"
	PointUses     = "records"
)

// watched lets every call of the systems pass through the effect.
func (e Effect) watched(s Systems) Systems {
	if e == nil {
		return s
	}
	out := s
	out.Issuer = &watchedIssuer{e, s.Issuer}
	if _, ok := s.Issuer.(connector.Recaller); ok {
		out.Issuer = &watchedKeys{watchedIssuer{e, s.Issuer}}
	}
	out.Verifier = &watchedVerifier{e, s.Verifier}
	out.Vault = func(name string) (connector.Vault, error) {
		v, err := s.Vault(name)
		return &watchedVault{e, v}, err
	}
	out.Now = func(ctx context.Context) (at time.Time, err error) {
		err = e(ctx, PointClock, func(ctx context.Context) error { at, err = s.Now(ctx); return err })
		return at, err
	}
	if s.Consumer != nil {
		out.Consumer = func(reference string) connector.Consumer {
			if c := s.Consumer(reference); c != nil {
				return &watchedConsumer{e, c}
			}
			return nil
		}
	}
	if s.Witness != nil {
		out.Witness = &watchedWitness{e, s.Witness}
	}
	return out
}

type watchedIssuer struct {
	effect Effect
	issuer connector.Issuer
}

func (w *watchedIssuer) Credentials(ctx context.Context, holder inventory.Application) (list []inventory.Credential, err error) {
	err = w.effect(ctx, PointList, func(ctx context.Context) error { list, err = w.issuer.Credentials(ctx, holder); return err })
	return list, err
}

func (w *watchedIssuer) Issue(ctx context.Context, o connector.Order) (c inventory.Credential, v secret.Value, err error) {
	err = w.effect(ctx, PointIssue, func(ctx context.Context) error { c, v, err = w.issuer.Issue(ctx, o); return err })
	return c, v, err
}

func (w *watchedIssuer) Withdraw(ctx context.Context, holder inventory.Application, keyID string) error {
	return w.effect(ctx, PointWithdraw, func(ctx context.Context) error { return w.issuer.Withdraw(ctx, holder, keyID) })
}

// WithdrawProven is Withdraw where the issuer takes no proofs.
func (w *watchedIssuer) WithdrawProven(ctx context.Context, holder inventory.Application, keyID string, prover secret.Value) error {
	p, ok := w.issuer.(connector.Proven)
	if !ok {
		return w.Withdraw(ctx, holder, keyID)
	}
	return w.effect(ctx, PointWithdraw, func(ctx context.Context) error { return p.WithdrawProven(ctx, holder, keyID, prover) })
}

// Ways and what follows pass on what the issuer may lack; callers of an issuer
// that is no Gatekeeper get an empty list, as without it.
func (w *watchedIssuer) Ways(ctx context.Context, holder inventory.Application) (list []connector.Way, err error) {
	keeper, ok := w.issuer.(connector.Gatekeeper)
	if !ok {
		return nil, nil
	}
	err = w.effect(ctx, PointWays, func(ctx context.Context) error { list, err = keeper.Ways(ctx, holder); return err })
	return list, err
}

func (w *watchedIssuer) Close(ctx context.Context, holder inventory.Application, way connector.Way) error {
	keeper, ok := w.issuer.(connector.Gatekeeper)
	if !ok {
		return nil
	}
	return w.effect(ctx, PointClose, func(ctx context.Context) error { return keeper.Close(ctx, holder, way) })
}

func (w *watchedIssuer) Essence(v secret.Value) secret.Value {
	if f, ok := w.issuer.(connector.Former); ok {
		return f.Essence(v)
	}
	return v
}

func (w *watchedIssuer) Form(former, v secret.Value) (secret.Value, error) {
	if f, ok := w.issuer.(connector.Former); ok {
		return f.Form(former, v)
	}
	return v, nil
}

// watchedKeys is a watched issuer that tells its values again.
type watchedKeys struct{ watchedIssuer }

func (w *watchedKeys) Recall(ctx context.Context, holder inventory.Application, keyID string) (v secret.Value, err error) {
	err = w.effect(ctx, PointRecall, func(ctx context.Context) error {
		v, err = w.issuer.(connector.Recaller).Recall(ctx, holder, keyID)
		return err
	})
	return v, err
}

type watchedVerifier struct {
	effect   Effect
	verifier connector.Verifier
}

func (w *watchedVerifier) SignIn(ctx context.Context, holder inventory.Application, v secret.Value) error {
	return w.effect(ctx, PointSignIn, func(ctx context.Context) error { return w.verifier.SignIn(ctx, holder, v) })
}

type watchedVault struct {
	effect Effect
	vault  connector.Vault
}

func (w *watchedVault) Put(ctx context.Context, name string, d connector.Deposit) (version string, err error) {
	err = w.effect(ctx, PointPut, func(ctx context.Context) error { version, err = w.vault.Put(ctx, name, d); return err })
	return version, err
}

func (w *watchedVault) Get(ctx context.Context, name string) (d connector.Deposit, err error) {
	err = w.effect(ctx, PointGet, func(ctx context.Context) error { d, err = w.vault.Get(ctx, name); return err })
	return d, err
}

type watchedConsumer struct {
	effect   Effect
	consumer connector.Consumer
}

func (w *watchedConsumer) Tell(ctx context.Context, c connector.Change) error {
	return w.effect(ctx, PointTell, func(ctx context.Context) error { return w.consumer.Tell(ctx, c) })
}

func (w *watchedConsumer) Moved(ctx context.Context, c connector.Change) (m connector.Moved, err error) {
	err = w.effect(ctx, PointMoved, func(ctx context.Context) error { m, err = w.consumer.Moved(ctx, c); return err })
	return m, err
}

type watchedWitness struct {
	effect  Effect
	witness connector.Witness
}

func (w *watchedWitness) Uses(ctx context.Context, holder inventory.Application, keyID string, since time.Time) (u connector.Uses, err error) {
	err = w.effect(ctx, PointUses, func(ctx context.Context) error { u, err = w.witness.Uses(ctx, holder, keyID, since); return err })
	return u, err
}
