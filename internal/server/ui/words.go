package ui

import (
	"strings"
	"time"

	"rekey.example/rekey/api"
)

// The words for what the API spells in code.

func kindWord(k api.CredentialKind) string {
	switch k {
	case api.CredentialKindClientSecret:
		return "Client secret"
	case api.CredentialKindCertificate:
		return "Certificate"
	case api.CredentialKindSamlSigning:
		return "SAML signing"
	case api.CredentialKindAccessKey:
		return "Access key"
	case api.CredentialKindFederated:
		return "Federated"
	case api.CredentialKindOwner:
		return "Owner"
	}
	return string(k)
}

func endsWord(e api.Ends) string {
	switch e {
	case api.EndsExpired:
		return "Expired"
	case api.EndsLater:
		return "Later"
	case api.EndsNever:
		return "Never"
	case api.EndsUnknown:
		return "Unknown"
	}
	return strings.TrimSuffix(string(e), "d") + " days"
}

func impactWord(i api.Impact) string {
	switch i {
	case api.ImpactBreaks:
		return "Breaks something known"
	case api.ImpactUsed:
		return "In use, by whom is not known"
	}
	return "No use known"
}

func stageWord(s api.RotationStage) string {
	switch s {
	case api.RotationStageApproval:
		return "Waiting for approval"
	case api.RotationStageMaking:
		return "Issue and verify"
	case api.RotationStageMoving:
		return "Consumers move"
	case api.RotationStageOverlap:
		return "Both valid"
	case api.RotationStageWithdrawing:
		return "Withdrawing"
	case api.RotationStageWatching:
		return "Watching"
	case api.RotationStageUndoing:
		return "Being undone"
	}
	return string(s)
}

func usedWord(u api.UsedWhen) string {
	switch u {
	case api.UsedWhenRecent:
		return "Within 90 days"
	case api.UsedWhenLongAgo:
		return "Longer ago"
	}
	return "No recorded use"
}

func holderWord(h api.HolderKind) string {
	switch h {
	case api.HolderKindServicePrincipals:
		return "Service principal"
	case api.HolderKindResources:
		return "Azure resource"
	}
	return "App registration"
}

// endBadge says how a credential stands.
func endBadge(c api.Credential, now time.Time) Badge {
	left := c.Expires.Sub(now)
	switch {
	case !c.Gone.IsZero():
		return Badge{"none", "Removed"}
	case c.State == api.CredentialStateUnknown && (c.Kind == api.CredentialKindAccessKey || c.Kind == api.CredentialKindFederated || c.Kind == api.CredentialKindOwner):
		return Badge{"none", "No end"}
	case c.State == api.CredentialStateUnknown:
		return Badge{"warn", "End unknown"}
	case left <= 0:
		return Badge{"bad", "Expired"}
	case c.State == api.CredentialStateEarly:
		return Badge{"info", "Not yet valid"}
	case left < 7*24*time.Hour:
		return Badge{"bad", "Ends soon"}
	case left < 30*24*time.Hour:
		return Badge{"warn", "Ends this month"}
	}
	return Badge{"good", "Valid"}
}

func impactBadge(i api.Impact, ended bool) Badge {
	switch {
	case i == api.ImpactBreaks && ended:
		return Badge{"bad", "Broken"}
	case i == api.ImpactBreaks:
		return Badge{"bad", "Breaks"}
	case i == api.ImpactUsed && ended:
		return Badge{"warn", "Was in use"}
	case i == api.ImpactUsed:
		return Badge{"warn", "In use"}
	}
	return Badge{"none", "No use known"}
}

// name is what people call a credential.
func credentialName(c api.Credential) string {
	if c.Label != "" {
		return c.Label
	}
	if c.Hint != "" {
		return c.Hint + "…"
	}
	return c.KeyID
}

// vaultName is a vault without the cloud's part of its host.
func vaultName(host string) string { return strings.TrimSuffix(host, ".vault.azure.net") }

func ownerName(o api.Owner) string {
	if o.Name != "" {
		return o.Name
	}
	if o.Mail != "" {
		return o.Mail
	}
	return o.ObjectID
}

// credentialPath is the page of a credential. The keys of resources share their ids, so
// that the holder is said too.
func credentialPath(c api.Credential) string {
	if c.Kind == api.CredentialKindAccessKey {
		return at("/credentials/"+escape(c.KeyID), "of", c.Application.ObjectID)
	}
	return "/credentials/" + escape(c.KeyID)
}

func applicationPath(objectID string) string { return "/applications/" + escape(objectID) }
