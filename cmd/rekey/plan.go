package main

import (
	"fmt"
	"strings"

	"rekey.example/rekey/api"
)

// tellPlan shows what a rotation would do.
func tellPlan(p *sheet, plan api.Proposal) {
	t := plan.Terms
	if t.Plan == "revoke" {
		tellWhoStops(p, t)
	}
	p.fact("Plan", "%s", planWords[t.Plan])
	p.fact("Application", "%s", t.Application.Name)
	p.fact(oldWord(t), "%s %s", t.Old.KeyID, t.Old.Label)
	p.moment("It ends", t.Old.Expires)
	tellTerms(p, t)
	p.fact("Hash", "%s", plan.Hash)
	tellOthers(p, t.Others)
	consumers := &table{columns: []column{{title: "Consumer", cut: true}, {title: "Gets it from", cut: true}}}
	for _, u := range t.Consumers {
		consumers.add(u.Consumer, u.Reference)
	}
	p.table("Whom it touches", consumers)
	tellSteps(p, plan.Steps)
	if len(plan.Warnings) > 0 {
		p.heading("Mind")
		for _, w := range plan.Warnings {
			p.line("- %s", visible(w))
		}
	}
	p.heading("Nothing was recorded or changed.")
}

// planWords say what a plan is for.
var planWords = map[string]string{
	"planned":   "planned: both values work until every consumer has moved",
	"emergency": "emergency: a new value, and the old one goes as soon as every consumer has moved",
	"revoke":    "revoke: the credential ends now, and nothing replaces it",
	"next":      "next: a second value beside the present one, for consumers that accept both; nothing is withdrawn",
}

// stepWords say what each step does.
var stepWords = map[string]string{
	"approve":   "another administrator agrees to exactly this plan",
	"issue":     "a new value is made",
	"verify":    "it is proved by signing in with it",
	"deposit":   "it is put into the vault and read back",
	"propagate": "every consumer moves and gives evidence",
	"overlap":   "both values work until caches have passed",
	"withdraw":  "the old value goes",
	"revoke":    "the credential goes, and whoever uses it stops",
	"watch":     "the old value is tried until it is refused everywhere",
}

// tellSteps lists the steps and marks the one after which there is no way back.
func tellSteps(p *sheet, steps []string) {
	p.heading("Steps")
	for n, name := range steps {
		if name == "withdraw" || name == "revoke" {
			p.line("   ----- point of no return -----")
		}
		p.line("%2d. %-10s %s", n+1, name, stepWords[name])
	}
}

func tellWhoStops(p *sheet, t api.Terms) {
	who := []string{}
	for _, u := range t.Consumers {
		who = append(who, u.Consumer)
	}
	text := "whoever uses it, and nobody knows who that is"
	if len(who) > 0 {
		text = strings.Join(who, ", ")
	}
	p.fact("STOPS AT ONCE", "%s", text)
}

// tellOthers lists everybody else who can act as the application.
func tellOthers(p *sheet, others []api.Other) {
	t := &table{columns: []column{{title: "Stays?"}, {title: "What"}, {title: "Name", cut: true}, {title: "Belongs to"}, {title: "ID"}}}
	for _, o := range others {
		word := "REMOVE"
		if o.Keep {
			word = "KEEP"
		}
		t.add(word, otherWords[o.Kind], o.Label, belongsTo[o.Holder], o.ID)
	}
	p.table("Everybody else who can act as the application", t)
}

var otherWords = map[api.CredentialKind]string{
	api.CredentialKindClientSecret: "secret", api.CredentialKindCertificate: "certificate", api.CredentialKindSamlSigning: "SAML signing key",
	api.CredentialKindAccessKey: "key", api.CredentialKindFederated: "federated credential", api.CredentialKindOwner: "owner, who can add more",
}

var belongsTo = map[api.HolderKind]string{
	api.HolderKindApplications: "the application", api.HolderKindServicePrincipals: "its service principal", api.HolderKindResources: "the resource",
}

func oldWord(t api.Terms) string {
	switch t.Plan {
	case "revoke":
		return "Ends"
	case "next":
		return "Beside"
	}
	return "Replaces"
}

func tellTerms(p *sheet, t api.Terms) {
	p.fact("Decided alone", "%s", t.BreakGlass)
	if t.Plan != "revoke" {
		p.fact("New value", "%s, valid for %s", t.Label, period(t.Lifetime))
		p.fact("Goes to", "%s", placeName(t.Place))
		p.fact("Proof", "%d sign-ins over at least %s", t.Timing.Successes, period(t.Timing.Proof))
	}
	if t.Plan == "planned" {
		p.fact("Overlap", "%s", period(t.Timing.Overlap))
	}
	if t.Plan != "next" {
		p.fact("Watch", "%s", period(t.Timing.Watch))
	}
	if n := len(t.Kept); n > 0 {
		p.fact("Not touched", "%s of the application", plural(n, "other credential"))
	}
}

// tellOverride shows who said in writing that the old credential may go.
func tellOverride(p *sheet, o *api.Override) {
	if o == nil {
		return
	}
	p.fact("Overridden by", "%s", fmt.Sprintf("%s: %s", o.By.Name, o.Reason))
	p.moment("Overridden", o.At)
}
