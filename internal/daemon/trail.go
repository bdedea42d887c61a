package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/entra"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/connector/office"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/server"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
)

// newTrail is the trail of this installation, with what the journal knows.
func (d *Daemon) newTrail() *trail.Trail {
	return &trail.Trail{
		Store: d.store, Log: d.log, Writer: inventory.ClientID(strings.ToLower(d.config.Writer.ClientID)), Acts: actOf, Touched: touched, Intents: made,
		Report: func(tx *store.Tx, l *audit.Log, f policy.Finding) error {
			_, err := policy.Report(tx, l, f)
			return err
		},
		Settle: policy.Settle,
	}
}

// actOf finds the rotation behind a change.
func actOf(tx *store.Tx, tenant string, c trail.Clue) (trail.Ours, bool, error) {
	if c.Place.Name != "" {
		return depositOf(tx, tenant, c)
	}
	id, how, found, err := rotation.ActOf(tx, tenant, c.Object, c.KeyID, c.Label)
	return trail.Ours{Rotation: id, By: how}, found, err
}

// depositOf asks the rotation that a version's tag names: anybody can write a tag,
// so the rotation itself has to say that it wrote this version there, or that it is
// just doing so.
func depositOf(tx *store.Tx, tenant string, c trail.Clue) (trail.Ours, bool, error) {
	if rotation.IsBeat(c.Place.Name) {
		return trail.Ours{By: "beat"}, true, nil
	}
	if _, marker, staged := strings.Cut(c.Place.Name, "--"); staged && c.Mark == "" { // where the vault makes a key pair
		id, how, found, err := rotation.ActOf(tx, tenant, "", "", " "+marker)
		return trail.Ours{Rotation: id, By: how}, found, err
	}
	if c.Mark == "" {
		return trail.Ours{}, false, nil
	}
	t, found, err := rotation.TouchedBy(tx, tenant, c.Mark)
	if err != nil || !found {
		return trail.Ours{}, false, err
	}
	there := t.Place.Vault == c.Place.Vault && strings.EqualFold(t.Place.Name, c.Place.Name)
	wrote := t.Entry == c.Place.Version || t.Entry == "" && t.Open
	return trail.Ours{Rotation: c.Mark, By: "deposit"}, there && wrote, nil
}

func touched(tx *store.Tx, tenant, id string) (trail.Touched, bool, error) {
	t, found, err := rotation.TouchedBy(tx, tenant, id)
	return trail.Touched{Object: t.Holder, Old: t.Old, New: t.New, Place: t.Place}, found, err
}

func made(tx *store.Tx, tenant string, from, to time.Time) (list []trail.Intent, err error) {
	all, err := rotation.MadeBetween(tx, tenant, from, to)
	for _, m := range all {
		list = append(list, trail.Intent{Rotation: m.Rotation, Object: m.Holder, KeyID: m.KeyID, Sent: m.Sent})
	}
	return list, err
}

// recorders are the sources that are read, the quickest first.
func (d *Daemon) recorders() ([]connector.Recorder, error) {
	c, s := d.config.Trail, d.around
	list := []connector.Recorder{&entra.Audits{Witness: s.witness, Keeps: c.AuditsKept, Late: c.AuditsLate}}
	if c.SignIns {
		list = append(list, &entra.SignIns{Witness: s.witness, Keeps: c.AuditsKept, Late: c.AuditsLate})
	}
	if !c.Office {
		return list, nil
	}
	api, err := rest.New(rest.Config{Base: "https://" + office.Host, Transport: s.wire, Credential: s.reader, Scope: "https://" + office.Host + "/.default"})
	if err != nil {
		return nil, err
	}
	for _, kind := range c.ContentTypes {
		list = append(list, &office.Feed{
			API: api, Tenant: s.tenant, Publisher: c.Publisher, Type: kind, Late: cmp.Or(c.OfficeLate, day), Webhook: office.Webhook{Address: c.Webhook, AuthID: c.WebhookSecret},
		})
	}
	return list, nil
}

// follow reads the sources again and again, or at once when one of them says that
// there is something.
func (d *Daemon) follow(ctx context.Context) {
	list, err := d.recorders()
	if err != nil {
		d.logger.Error("the clouds' own records are not read", "error", err.Error())
		return
	}
	for {
		d.readTrail(ctx, list)
		select {
		case <-time.After(d.config.Trail.Every):
		case <-d.noticed:
		case <-ctx.Done():
			return
		}
	}
}

// readTrail is one cycle: our own log, each source, the books, the findings.
func (d *Daemon) readTrail(ctx context.Context, list []connector.Recorder) {
	tenant := d.config.Tenant.ID
	warn := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			d.logger.Warn(what, "error", err.Error())
		}
	}
	_, err := d.trail.Follow(ctx, tenant, 0)
	warn("cannot take our own log over into the trail", err)
	for _, source := range list {
		_, err := d.trail.Read(ctx, tenant, source)
		warn("cannot read the clouds' own records", err)
	}
	warn("cannot close the books", d.closeBooks(ctx))
	warn("cannot settle what was acknowledged", d.usage.Settle(ctx, tenant))
	warn("cannot explain what was changed out of band", d.trail.Explain(ctx, tenant, d.reach))
}

// closeBooks closes the days for which the directory's records are complete.
func (d *Daemon) closeBooks(ctx context.Context) error {
	sources, err := d.trail.Sources(ctx, d.looker())
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s.Name == entra.DirectoryAudits && s.State == trail.Reading {
			_, err = d.trail.Close(ctx, d.config.Tenant.ID, s.Through)
		}
	}
	return err
}

// looker is rekey when it looks something up for itself.
func (d *Daemon) looker() access.Actor {
	return access.Actor{ID: "rekey", Name: "rekey", Person: "rekey", Role: access.Auditor, Tenant: d.config.Tenant.ID}
}

// reach says what an application can touch, for a finding: its permissions, what
// depends on it.
func (d *Daemon) reach(ctx context.Context, object inventory.ObjectID) (string, error) {
	a, rows, err := d.inventory.Application(ctx, d.looker(), string(object))
	if err != nil {
		return "", err
	}
	permissions, err := d.permissions(ctx, a)
	if err != nil {
		return "", err
	}
	var parts, consumers []string
	for _, r := range rows {
		for _, c := range r.Consumers {
			if !slices.Contains(consumers, c.Consumer) {
				consumers = append(consumers, c.Consumer)
			}
		}
	}
	if len(permissions) > 0 {
		parts = append(parts, strings.Join(permissions, ", "))
	}
	if len(consumers) > 0 {
		parts = append(parts, "what "+strings.Join(consumers, ", ")+" uses")
	}
	if len(parts) == 0 {
		return "nothing that the directory knows of: no permission was granted to it", nil
	}
	return strings.Join(parts, "; "), nil
}

func (d *Daemon) permissions(ctx context.Context, a inventory.Application) ([]string, error) {
	if d.around == nil || a.ClientID == "" {
		return nil, nil
	}
	return (&entra.Reach{Graph: d.around.graphReader}).Permissions(ctx, a.ClientID)
}

// notice has the sources read now. One that is on its way already is enough.
func (d *Daemon) notice() {
	select {
	case d.noticed <- struct{}{}:
	default:
	}
}

// hooks are the addresses for the clouds' notifications.
func (d *Daemon) hooks() *server.Hooks {
	if d.around == nil {
		return nil
	}
	return &server.Hooks{Office: d.config.Trail.WebhookSecret, EventGrid: d.config.Trail.EventGridSecret, Content: d.notice, Events: d.vaultEvents}
}

// vaultEvents keeps what Event Grid says, and reads the inventory again: an event
// proves nothing.
func (d *Daemon) vaultEvents(ctx context.Context, records []connector.Record) error {
	tenant := d.config.Tenant.ID
	if err := d.trail.Take(ctx, tenant, keyvault.EventGrid, records); err != nil {
		return err
	}
	if len(records) > 0 {
		if _, err := d.syncs.Start(access.Rekey(tenant), false); err != nil {
			d.logger.Warn("cannot read the vaults after an event", "error", err.Error())
		}
	}
	return nil
}
