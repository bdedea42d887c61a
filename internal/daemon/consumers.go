package daemon

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/appservice"
	"rekey.example/rekey/internal/connector/hook"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/connector/webhook"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/secret"
)

// Every way to tell a consumer has its line in this file, and nowhere else.

const armHost = "management.azure.com"

// consumers find who is told of a change, and asked, by a reference.
type consumers struct {
	vault    func(name string) (connector.Vault, error)
	arm      *rest.Client
	webhooks map[string]*webhook.Webhook
	hooks    map[string]*hook.Hook
	desk     *delivery.Desk
}

// newConsumers opens what the configuration names. Nothing is sent or run.
func newConsumers(c Config, s *surroundings, desk *delivery.Desk) (*consumers, error) {
	arm, err := s.arm(s.writer)
	if err != nil {
		return nil, err
	}
	list := &consumers{vault: s.vault, arm: arm, webhooks: map[string]*webhook.Webhook{}, hooks: map[string]*hook.Hook{}, desk: desk}
	roots, err := trusted(c.CAFile)
	if err != nil {
		return nil, err
	}
	for _, w := range c.Webhooks {
		if list.webhooks[w.Name], err = w.open(roots); err != nil {
			return nil, err
		}
	}
	for _, h := range c.Hooks {
		if list.hooks[h.Name], err = h.open(s.newValue); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// For returns who moves the consumer with that reference. It is false if that is
// a person: because the reference says so, or because it names what the
// configuration does not have. Then the desk asks one.
func (c *consumers) For(reference string) (connector.Consumer, bool) {
	r, err := connector.ParseReference(reference)
	if err != nil {
		return c.desk, false
	}
	switch r.Route {
	case connector.ReadsVault:
		return &connector.Reader{Reference: r, Vault: c.vault}, true
	case connector.ReadsAsApp:
		return &appservice.App{API: c.arm, Site: r.Site, Name: r.Name}, true
	case connector.ByWebhook:
		if w := c.webhooks[r.Name]; w != nil {
			return w, true
		}
	case connector.ByHook:
		if h := c.hooks[r.Name]; h != nil {
			return h, true
		}
	}
	return c.desk, false
}

// consumer is who is asked whether a consumer has moved.
func (d *Daemon) consumer(reference string) connector.Consumer {
	if key, ok := strings.CutPrefix(reference, ourReference); ok {
		return &ourself{d, key}
	}
	who, _ := d.consumers.For(reference)
	return who
}

// newValue reads the new value of a rotation where it was deposited.
func (d *Daemon) newValue(ctx context.Context, tenant, id string) (secret.Value, error) {
	r, err := d.rotations.Get(ctx, access.Actor{ID: "rekey", Role: access.Auditor, Tenant: tenant}, id)
	if err != nil {
		return secret.Value{}, err
	}
	p := r.Terms.Place
	if p.Version = r.Entry; p.Version == "" {
		return secret.Value{}, fmt.Errorf("rotation %s has no new value yet", id)
	}
	return d.around.valueAt(ctx, p)
}

func (w Webhook) open(roots *x509.CertPool) (*webhook.Webhook, error) {
	c := w.config()
	c.Roots = roots
	return webhook.Open(c)
}

// open takes nil for value where a hook is only checked.
func (h Hook) open(value func(context.Context, connector.Change) (secret.Value, error)) (*hook.Hook, error) {
	c := h.config()
	if c.Value = value; value == nil {
		c.Value = func(context.Context, connector.Change) (secret.Value, error) {
			return secret.Value{}, errors.New("this hook is only checked")
		}
	}
	return hook.Open(c)
}

// newValue reads the new value of a change where it was deposited.
func (s *surroundings) newValue(ctx context.Context, c connector.Change) (secret.Value, error) {
	return s.valueAt(ctx, c.Place)
}

// valueAt reads what a place holds now. If the place has a version, it has to be
// the one that is current: nobody is given another value than they were asked to
// take.
func (s *surroundings) valueAt(ctx context.Context, p inventory.Place) (secret.Value, error) {
	vault, err := s.vault(p.Vault)
	if err != nil {
		return secret.Value{}, err
	}
	held, err := vault.Get(ctx, p.Name)
	if err != nil {
		return secret.Value{}, fmt.Errorf("cannot read %s: %w", p, err)
	}
	if p.Version != "" && held.Version != p.Version {
		held.Value.Zero()
		return secret.Value{}, fmt.Errorf("%s now has version %s, not %s", p, held.Version, p.Version)
	}
	return held.Value, nil
}

// arm is the wire to Azure Resource Manager as one of our identities.
func (s *surroundings) arm(as azcore.TokenCredential) (*rest.Client, error) {
	return rest.New(rest.Config{Base: "https://" + armHost, Transport: s.wire, Credential: as, Scope: "https://" + armHost + "/.default"})
}

// readerFeeds list who reads vault entries, for the inventory.
func (s *surroundings) readerFeeds() ([]inventory.ReaderFeed, error) {
	arm, err := s.arm(s.reader)
	if err != nil {
		return nil, err
	}
	return []inventory.ReaderFeed{&appservice.Feed{API: arm, Span: vaultSpan}}, nil
}

// remind tells of the tasks whose time has come. The audit log has each reminder;
// here it is for whoever watches the server.
func (d *Daemon) remind(ctx context.Context, desk *delivery.Desk) {
	list, err := desk.Due(ctx, d.config.Tenant.ID)
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot remind people of their tasks", "error", err.Error())
	}
	for _, r := range list {
		d.logger.Info("a task waits for a person", "task", r.Task.ID, "rotation", r.Task.Rotation, "percent", r.Percent, "escalated", r.First)
	}
}

// tendTasks reminds people, and ends the tasks of rotations that are over.
func (d *Daemon) tendTasks(ctx context.Context) {
	d.remind(ctx, d.desk)
	looker := access.Actor{ID: "rekey", Name: "rekey", Role: access.Auditor, Tenant: d.config.Tenant.ID}
	list, _, err := d.desk.List(ctx, looker, delivery.Filter{State: delivery.Pending})
	over := map[string]bool{}
	for _, t := range list {
		if err != nil || over[t.Rotation] {
			continue
		}
		var r *rotation.Rotation
		if r, err = d.rotations.Get(ctx, looker, t.Rotation); err == nil && r.State != rotation.Open {
			over[t.Rotation] = true
			err = d.desk.Drop(ctx, t.Tenant, t.Rotation, "the rotation is over: "+string(r.State))
		}
	}
	if err != nil && ctx.Err() == nil {
		d.logger.Warn("cannot look after the tasks of people", "error", err.Error())
	}
}

// newDesk keeps the tasks of people. Value reads the new value of a rotation.
func (d *Daemon) newDesk(value func(ctx context.Context, tenant, rotation string) (secret.Value, error)) *delivery.Desk {
	t := d.config.Tasks
	return &delivery.Desk{Store: d.store, Log: d.log, Value: value, Term: t.Term, Life: t.LinkLife, Backup: func(string) string { return t.Backup }, Finished: d.taskDone}
}

// taskDone lets the rotation go on that waited for a person.
func (d *Daemon) taskDone(ctx context.Context, tenant, id string) {
	if err := d.rotations.Nudge(ctx, tenant, id); err != nil {
		d.logger.Warn("a rotation does not know yet that a task is done, and will find it by itself", "rotation", id, "error", err.Error())
	}
	d.carrier.wake()
}

// trusted are the system's roots and those of a file; nil if there is no file.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read caFile: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile %s holds no certificate", file)
	}
	return roots, nil
}
