package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"rekey.example/rekey/internal/inventory"
)

// judged is what one rule finds in one of its examples.
func judged(t *testing.T, r *Rule, e Example) (found []Finding) {
	t.Helper()
	c := Default()
	if e.Config != nil {
		e.Config(&c)
	}
	book, err := compile(c)
	if err != nil {
		t.Fatal(err)
	}
	book.rules = []*Rule{r}
	j := &judge{rulebook: book, tenant: "contoso", now: today, planned: map[inventory.ObjectID]bool{"object": e.Planned}, found: func(f Finding) { found = append(found, f) }}
	switch {
	case r.application != nil:
		j.application(&e.Application)
	case r.entry != nil:
		j.entry(&e.Entry)
	case r.shared != nil:
		j.shared(&e.Shared)
	}
	return found
}

func TestEveryRuleJudgesItsExamplesAsItSays(t *testing.T) {
	for _, r := range Rules {
		t.Run(r.Code, func(t *testing.T) {
			hits, misses := 0, 0
			for _, e := range r.Examples {
				found := judged(t, r, e)
				if e.Finds == "" {
					misses++
					if len(found) != 0 {
						t.Errorf("%s: found %+v", e.Says, found)
					}
					continue
				}
				hits++
				if len(found) != 1 {
					t.Errorf("%s: got %d findings %+v, want one", e.Says, len(found), found)
					continue
				}
				f := found[0]
				if !strings.Contains(f.Reason, e.Finds) || f.Severity != e.Is {
					t.Errorf("%s: got %s %q, want %s and %q", e.Says, f.Severity, f.Reason, e.Is, e.Finds)
				}
				if f.Rule != r.Code || f.Tenant != "contoso" || f.Title == "" || f.Cure == "" || f.Subject() == "" || f.ID != f.identity() {
					t.Errorf("%s: something is missing: %+v", e.Says, f)
				}
			}
			if hits == 0 || misses == 0 {
				t.Errorf("%d examples that match and %d that do not; want some of each", hits, misses)
			}
		})
	}
}

func TestEveryRuleIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(r.Code) || seen[r.Code] {
			t.Errorf("code %q is not one, or not the only one", r.Code)
		}
		seen[r.Code] = true
		for _, s := range []string{r.Why, r.Cure} {
			if !strings.HasSuffix(s, ".") {
				t.Errorf("%s: not a sentence: %q", r.Code, s)
			}
		}
		functions := 0
		for _, there := range []bool{r.application != nil, r.entry != nil, r.shared != nil} {
			if there {
				functions++
			}
		}
		if functions != 1 || r.Title == "" || r.Severity.rank() == 0 {
			t.Errorf("%s has %d functions, the title %q and the severity %q", r.Code, functions, r.Title, r.Severity)
		}
	}
}

func TestARuleCanBeSwitchedOffAndWeighed(t *testing.T) {
	e := endsSoon.Examples[0]
	e.Config = func(c *Config) { c.Rules = []Setting{{Rule: "ends-soon", Severity: "low"}} }
	if found := judged(t, &endsSoon, e); len(found) != 1 || found[0].Severity != Low {
		t.Errorf("got %+v", found)
	}
	book, err := compile(Config{Naming: Naming{Template: "{x}"}, Rules: []Setting{{Rule: "ends-soon", Off: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range book.rules {
		if r.Code == "ends-soon" {
			t.Error("it is still applied")
		}
	}
}

func TestAWrongConfigurationIsSaidWhole(t *testing.T) {
	c := Default()
	c.Rules = []Setting{{Rule: "nmae"}, {Rule: "name", Severity: "fatal"}}
	c.Naming = Naming{Template: "{system}{party}", Expression: "("}
	c.Unused = -day
	c.Expiry.Urgent = 60 * day
	c.Owners = 99
	_, err := New(nil, nil, c)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`no rule "nmae"`, "ends-soon", `severity "fatal"`, "policy.naming.template", "policy.unused is negative", "policy.expiry.urgent", "policy.owners"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in:\n%v", want, err)
		}
	}
	c = Default()
	c.Naming.Expression = "("
	if _, err := New(nil, nil, c); err == nil || !strings.Contains(err.Error(), "policy.naming.expression") {
		t.Errorf("got %v", err)
	}
	if _, err := New(nil, nil, Default()); err != nil {
		t.Errorf("the default: %v", err)
	}
}

func TestTemplatesThatCannotBe(t *testing.T) {
	for _, text := range []string{"", "plain", "{", "{}", "{A}", "{a}{b}", "{a}_{a}", "[{a}", "{a}]", "[[{a}]]", "a}"} {
		if _, err := parseTemplate(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestASuggestionKeepsToTheConvention(t *testing.T) {
	c := Default()
	n, err := newConvention(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Basware invoice export from D365":        "D365_Basware_InvoiceExport",
		"dynamics 365 - credit safe credit check": "D365_CreditSafeCredit_Check",
		"bc-shopify-orders":                       "BC_Shopify_Orders",
		"DocuSign-D365":                           "D365_DocuSign_{purpose}",
		"SFTP_Gateway_Prod":                       "SFTP_{party}_Gateway_Prod",
		"Lager-Schnittstelle ÄÖ (alt)":            "{system}_Lager_SchnittstelleAeOe",
		"test":                                    "",
		"New app registration":                    "",
		"Business Central sandbox":                "BC_{party}_{purpose}_Sandbox",
		"\u202eevil\n":                            "{system}_Evil_{purpose}",
		"😀":                                       "",
		"D365_Basware_InvoiceExport_Prod_2":       "D365_Basware_InvoiceExport_Prod",
		"AzureDevOps_ServiceConnection_Prod":      "AzureDevOps_ServiceConnection_{purpose}_Prod",
		strings.Repeat("x", 10_000):               "",
	} {
		got := n.try(name)
		if got.OK || got.Suggestion != want {
			t.Errorf("%.60q: got %.80q, want %.80q", name, got.Suggestion, want)
		}
		if want != "" && !strings.Contains(want, "{") && len(n.problems(want)) != 0 {
			t.Errorf("the suggestion %q does not keep to the convention: %v", want, n.problems(want))
		}
	}
}

// Whatever a name is, a suggestion without gaps is a good name.
func FuzzSuggestion(f *testing.F) {
	for _, s := range []string{"D365_Basware_InvoiceExport", "DocuSign-D365", "test", "a_b_c_d", "Ärger", "\xff", "D365 D365 D365", "365"} {
		f.Add(s, "hint")
	}
	n, err := newConvention(Default())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, hint string) {
		got := n.try(name, hint)
		if got.OK != (len(got.Problems) == 0) {
			t.Errorf("%+v", got)
		}
		if s := got.Suggestion; s != "" && !strings.Contains(s, "{") && len(n.problems(s)) > 0 {
			t.Errorf("%q: suggests %q, which has %v", name, s, n.problems(s))
		}
	})
}

func TestEveryRuleIsInTheReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules {
		if !strings.Contains(string(text), "\n### "+r.Code+"\n\n**"+r.Title+".** ") {
			t.Errorf("docs/reference/policy.md has no section on %s that begins with its title", r.Code)
		}
	}
}
