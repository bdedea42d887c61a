package main

import (
	"context"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/sim"
)

// The person who does something behind rekey's back, and to what.
var demoIntruder = sim.Intruder{Name: "Ext. Consultant (Fabrikam)", UPN: "admin@fabrikam-consulting.example", Address: "203.0.113.66"}

const (
	demoVictim = "HR_Workday_Import"
	demoLabel  = "temporary, delete later"
)

// demoCaught is what rekey found out about it.
type demoCaught struct {
	KeyID    string              `json:"keyId"`
	Finding  api.Finding         `json:"finding"`
	Timeline []api.TimelineEvent `json:"timeline"`
	Seconds  float64             `json:"seconds"` // until it was known who
}

// intrude adds a secret in the pretended portal while everybody looks elsewhere.
func (d *demo) intrude(report *demoReport) {
	app, ok := d.cloud.Application(demoVictim)
	if !ok {
		return
	}
	report.Caught.KeyID, _ = d.cloud.AddSecret(demoIntruder, app.AppID, demoLabel, 2*365*24*time.Hour)
	d.intruded = time.Now()
}

// caught tells what rekey says of it: who, when, from where, and what it can touch.
func (d *demo) caught(ctx context.Context, omar *client.Client, report *demoReport) error {
	d.tell("\n%s", d.bold("4  Meanwhile, behind rekey's back"))
	d.tell("  somebody added a secret to %s in the portal; nobody told rekey", demoVictim)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for report.Caught.Finding.ID == "" {
		for f, err := range omar.Findings(ctx, api.ListFindingsParams{Rule: "out-of-band"}) {
			if err != nil {
				return err
			}
			if f.KeyID == report.Caught.KeyID && strings.Contains(f.Reason, demoIntruder.Address) && strings.Contains(f.Reason, "can touch") {
				report.Caught.Finding, report.Caught.Seconds = f, time.Since(d.intruded).Seconds()
			}
		}
		select {
		case <-ctx.Done():
			d.tell("  and rekey did not find out")
			return nil
		case <-time.After(250 * time.Millisecond):
		}
	}
	d.tell("  finding (%s): %s", report.Caught.Finding.Severity, report.Caught.Finding.Title)
	d.tell("    %s", d.indent(report.Caught.Finding.Reason, 4))
	page, err := omar.TimelinePage(ctx, api.ListTimelineParams{Credential: report.Caught.KeyID, Limit: 10})
	if err != nil {
		return err
	}
	report.Caught.Timeline = page.Value
	for _, e := range page.Value {
		d.tell("    %s  %s %s  [%s]", e.Time.Format("15:04:05"), e.Who, e.What, sourceNames(e))
	}
	return nil
}
