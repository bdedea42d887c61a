package keyvault

import (
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// attributes are what the service tells of a version.
type attributes struct {
	Enabled         bool   `json:"enabled"`
	NotBefore       int64  `json:"nbf,omitempty"`
	Expires         int64  `json:"exp,omitempty"`
	Created         int64  `json:"created"`
	Updated         int64  `json:"updated"`
	RecoveryLevel   string `json:"recoveryLevel"`
	RecoverableDays int    `json:"recoverableDays"`
	Exportable      *bool  `json:"exportable,omitempty"` // keys only
}

// wanted are the attributes a caller may set; nil means not said.
type wanted struct {
	Enabled   *bool  `json:"enabled"`
	NotBefore *int64 `json:"nbf"`
	Expires   *int64 `json:"exp"`
}

func (a *wanted) check() error {
	if a == nil {
		return nil
	}
	for name, seconds := range map[string]*int64{"nbf": a.NotBefore, "exp": a.Expires} {
		if seconds != nil && (*seconds < 0 || *seconds > latestTime) {
			return badParameter("Property attributes." + name + " has invalid value")
		}
	}
	return nil
}

// apply changes what the caller named.
func (a *wanted) apply(enabled *bool, notBefore, expires *time.Time) {
	if a == nil {
		return
	}
	*enabled = a.enabled(*enabled)
	if a.NotBefore != nil {
		*notBefore = fromUnix(*a.NotBefore)
	}
	if a.Expires != nil {
		*expires = fromUnix(*a.Expires)
	}
}

// enabled is what the caller said, or else what it was. Certificates take only
// this; their dates are in the certificate.
func (a *wanted) enabled(was bool) bool {
	if a == nil || a.Enabled == nil {
		return was
	}
	return *a.Enabled
}

func fromUnix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func (c *call) attributes(enabled bool, notBefore, expires, created, updated time.Time) attributes {
	return attributes{
		Enabled: enabled, NotBefore: unix(notBefore), Expires: unix(expires), Created: unix(created), Updated: unix(updated),
		RecoveryLevel: recoveryLevel(c.seen), RecoverableDays: c.seen.RetentionDays,
	}
}

// recoveryLevel says what soft delete means in this vault; a retention below 90
// days makes it a customized one.
func recoveryLevel(v *world.Vault) string {
	level := "Recoverable"
	if v.RetentionDays < 90 {
		level = "CustomizedRecoverable"
	}
	if !v.PurgeProtection {
		level += "+Purgeable"
	}
	return level
}

// deletion is what a deleted bundle has beside the bundle.
type deletion struct {
	RecoveryID string `json:"recoveryId"`
	Deleted    int64  `json:"deletedDate"`
	Purge      int64  `json:"scheduledPurgeDate"`
}

func (c *call) deletion(kind, name string, deleted time.Time) *deletion {
	return &deletion{
		RecoveryID: c.base() + "/deleted" + kind + "/" + name,
		Deleted:    unix(deleted), Purge: unix(deleted.Add(c.retention())),
	}
}
