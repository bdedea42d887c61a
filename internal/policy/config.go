package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is what can be set about the rules. A duration of zero switches off
// what it is for, but for VaultDrift, which then lets no difference pass.
type Config struct {
	Naming      Naming        `koanf:"naming" yaml:"naming"`
	Lifetime    Lifetime      `koanf:"lifetime" yaml:"lifetime"`
	Expiry      Expiry        `koanf:"expiry" yaml:"expiry"`
	Owners      int           `koanf:"owners" yaml:"owners" help:"how many people should own an application with credentials; one is always required"`
	Unused      time.Duration `koanf:"unused" yaml:"unused" help:"a credential whose last recorded use is older than this is called unused"`
	VaultDrift  time.Duration `koanf:"vaultDrift" yaml:"vaultDrift" help:"how far the end date in a vault may be from the credential's own"`
	Environment Environment   `koanf:"environment" yaml:"environment"`
	Rules       []Setting     `koanf:"rules" yaml:"rules" help:"rules to switch off or to weigh otherwise"`
}

// Naming is the naming convention of applications.
type Naming struct {
	Template   string   `koanf:"template" yaml:"template" help:"what names are made of: {system}, {party}, {purpose}, {environment}, any other {word}; what stands in [] may be missing"`
	Expression string   `koanf:"expression" yaml:"expression" help:"regular expression that names have to match whole, instead of the template, which then only makes suggestions"`
	Systems    []string `koanf:"systems" yaml:"systems" help:"the words that {system} may be; empty: any"`
	Exempt     []string `koanf:"exempt" yaml:"exempt" help:"names that need not keep to it; * stands for any text"`
}

// Lifetime is how long credentials may be valid, counted from their start.
type Lifetime struct {
	Longest time.Duration `koanf:"longest" yaml:"longest" help:"a credential valid for longer is a finding of high severity"`
	Secret  time.Duration `koanf:"secret" yaml:"secret" help:"a client secret valid for longer is a finding of low severity"`
}

// Expiry is when the end of a credential becomes a finding.
type Expiry struct {
	Soon     time.Duration `koanf:"soon" yaml:"soon" help:"a credential that ends within this time needs a rotation"`
	Urgent   time.Duration `koanf:"urgent" yaml:"urgent" help:"... and urgently within this"`
	Leftover time.Duration `koanf:"leftover" yaml:"leftover" help:"how long an expired credential may stay before it should be removed"`
}

// Environment is how names say what they are for.
type Environment struct {
	Production    []string `koanf:"production" yaml:"production" help:"words in names of production applications and vaults"`
	NonProduction []string `koanf:"nonProduction" yaml:"nonProduction" help:"words in names of all others"`
}

// Setting changes one rule.
type Setting struct {
	Rule     string `koanf:"rule" yaml:"rule" help:"code of the rule"`
	Off      bool   `koanf:"off" yaml:"off" help:"do not apply it"`
	Severity string `koanf:"severity" yaml:"severity" help:"low, medium or high, for all its findings"`
}

const day = 24 * time.Hour

// Default is the policy of an installation where nothing is set.
func Default() Config {
	return Config{
		Naming:     Naming{Template: "{system}_{party}_{purpose}[_{environment}]", Exempt: []string{"rekey-*"}},
		Lifetime:   Lifetime{Longest: 730 * day, Secret: 365 * day},
		Expiry:     Expiry{Soon: 30 * day, Urgent: 7 * day, Leftover: 30 * day},
		Owners:     2,
		Unused:     90 * day,
		VaultDrift: day,
		Environment: Environment{
			Production:    []string{"prod", "prd"},
			NonProduction: []string{"dev", "test", "tst", "uat", "qa", "acc", "sandbox", "sbx", "stage", "staging", "preprod", "nonprod"},
		},
	}
}

// rulebook is a configuration that is ready to judge by.
type rulebook struct {
	Config
	rules    []*Rule // those that apply
	severity map[string]Severity
	naming   *convention
	exempt   []*regexp.Regexp
}

// compile checks a configuration and says everything that is wrong with it.
func compile(c Config) (*rulebook, error) {
	b := &rulebook{Config: c, severity: map[string]Severity{}}
	var wrong []error
	var err error
	if b.naming, err = newConvention(c); err != nil {
		wrong = append(wrong, err)
	}
	for _, pattern := range c.Naming.Exempt {
		b.exempt = append(b.exempt, wildcard(pattern))
	}
	for name, d := range map[string]time.Duration{
		"lifetime.longest": c.Lifetime.Longest, "lifetime.secret": c.Lifetime.Secret, "expiry.soon": c.Expiry.Soon,
		"expiry.urgent": c.Expiry.Urgent, "expiry.leftover": c.Expiry.Leftover, "unused": c.Unused, "vaultDrift": c.VaultDrift,
	} {
		if d < 0 {
			wrong = append(wrong, fmt.Errorf("policy.%s is negative", name))
		}
	}
	if c.Expiry.Urgent > c.Expiry.Soon {
		wrong = append(wrong, errors.New("policy.expiry.urgent is longer than policy.expiry.soon"))
	}
	if c.Owners < 0 || c.Owners > 10 {
		wrong = append(wrong, errors.New("policy.owners is not between 0 and 10"))
	}
	off := map[string]bool{}
	for _, s := range c.Rules {
		if !slices.ContainsFunc(Rules, func(r *Rule) bool { return r.Code == s.Rule }) {
			wrong = append(wrong, fmt.Errorf("policy.rules: there is no rule %q; there are %s", s.Rule, strings.Join(Codes(), ", ")))
			continue
		}
		off[s.Rule] = s.Off
		if s.Severity != "" && !slices.Contains(Severities, Severity(s.Severity)) {
			wrong = append(wrong, fmt.Errorf("policy.rules: severity %q of %s is not low, medium or high", s.Severity, s.Rule))
		}
		if s.Severity != "" {
			b.severity[s.Rule] = Severity(s.Severity)
		}
	}
	for _, r := range Rules {
		if !off[r.Code] {
			b.rules = append(b.rules, r)
		}
	}
	return b, errors.Join(wrong...)
}

// wildcard matches a whole name, * any text, letters of either case.
func wildcard(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?is)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
}
