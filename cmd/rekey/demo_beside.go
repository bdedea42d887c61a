package main

import (
	"context"
	"sync"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

// beside lets a certificate and an emergency run while the one secret is shown.
// What it returns waits for both and tells how they ended.
func (d *demo) beside(ctx context.Context, nora, omar *client.Client, report *demoReport) (ended func() error, err error) {
	t := d.cloud.Tenant()
	both := []struct {
		what   string
		q      api.RotationRequest
		report *demoRotation
		last   api.Rotation
		err    error
	}{
		{what: "a certificate", q: api.RotationRequest{
			Application: t.DemoCertificate.ApplicationID, Credential: t.DemoCertificate.KeyID, Reason: "ends in a week",
		}, report: &report.Certificate},
		{what: "an emergency", q: api.RotationRequest{
			Application: t.DemoPrincipal.PrincipalID, Credential: t.DemoPrincipal.KeyID, Reason: "seen in a log", Plan: "emergency", Keep: []string{"*"},
		}, report: &report.Emergency},
	}
	var running sync.WaitGroup
	for i := range both {
		b := &both[i]
		r, err := nora.Propose(ctx, b.q, "")
		if err != nil {
			return nil, err
		}
		if r, err = omar.Approve(ctx, r.ID, r.Hash); err != nil {
			return nil, err
		}
		d.tell("  beside it, %s: %s of %s, which omar approves as well", b.what, r.ID, r.Terms.Application.Name)
		b.last = r
		running.Go(func() {
			for now, err := range nora.Watch(ctx, r.ID) {
				if b.err = err; err != nil {
					return
				}
				b.last = now
			}
		})
	}
	return func() error {
		d.progress("and the two beside it")
		running.Wait()
		d.progress("")
		for _, b := range both {
			if b.err != nil {
				return b.err
			}
			b.report.ID, b.report.State, b.report.Steps = b.last.ID, string(b.last.State), b.last.Steps
			d.tell("          %s (%s): %s", b.what, b.last.Terms.Application.Name, b.last.State)
			for _, s := range b.last.Steps {
				if s.State == api.StepStateDone && (s.Name == "issue" || s.Name == "withdraw" || s.Name == "watch") {
					d.tell("            ✓ %-9s  %s", s.Name, d.indent(s.Evidence, 26))
				}
			}
			if b.last.State != api.RotationStateDone {
				d.tell("            %s", b.last.Problem)
			}
		}
		return nil
	}, nil
}
