package review

import (
	"slices"
	"strings"

	"rekey.example/rekey/internal/connector/entra"
)

// wide is a permission that is more than an application should have. A name that
// ends in a star stands for all that begin so; the first row that fits is taken.
type wide struct {
	name, why, instead string
}

// The permissions of the application itself. What each of them can do is in
// https://learn.microsoft.com/graph/permissions-reference
var widePermissions = []wide{
	{"RoleManagement.ReadWrite.Directory", "it can make itself Global Administrator", "a person with a role that is activated for the task"},
	{"AppRoleAssignment.ReadWrite.All", "it can grant itself every other permission", "a person who grants what is needed, once"},
	{"Application.ReadWrite.All", "it can add a credential to any application, and act as that application from then on", "Application.ReadWrite.OwnedBy, and ownership of the applications it looks after"},
	{"DelegatedPermissionGrant.ReadWrite.All", "it can let any application act for any person", "a person who consents, once"},
	{"PrivilegedAccess.*", "it can activate the roles of administrators", "a person with a role that is activated for the task"},
	{"UserAuthenticationMethod.ReadWrite.All", "it can set how administrators sign in, and so become one", "UserAuthenticationMethod.Read.All, or an administrative unit"},
	{"Domain.ReadWrite.All", "it can federate a domain and then sign in as anybody", "a person who does it, once"},
	{"Policy.ReadWrite.*", "it can switch off the policies that protect sign-ins", "Policy.Read.All"},
	{"Directory.ReadWrite.All", "it can change almost everything in the directory, groups that carry rights included", "the one permission for what it changes: Group.ReadWrite.All, User.ReadWrite.All, ..."},
	{"Directory.*", "it sees the whole directory", "the one permission for what it reads: User.Read.All, Group.Read.All, Application.Read.All"},
	{"Group.ReadWrite.All", "it can join any group, and has what the group may do", "ownership of the groups it looks after, or Group.Create"},
	{"GroupMember.ReadWrite.All", "it can put anybody into any group that is not for roles", "ownership of the groups it looks after"},
	{"User.ReadWrite.All", "it can change every person's account", "User.ReadBasic.All, or the permission for the one property"},
	{"Mail.Send", "it can send mail as everybody in the company", "the Exchange role Application Mail.Send on the one mailbox (RBAC for Applications)"},
	{"Mail.*", "it reaches every mailbox in the company", "the same permission for the one mailbox as an Exchange role (RBAC for Applications)"},
	{"full_access_as_app", "it has everything in every mailbox", "Graph's Mail permissions for the one mailbox (RBAC for Applications)"},
	{"Exchange.ManageAsApp", "with an Exchange role it manages every mailbox", "an Exchange role that is limited to a scope"},
	{"MailboxSettings.ReadWrite", "it can forward the mail of everybody", "the same permission for the one mailbox as an Exchange role (RBAC for Applications)"},
	{"Calendars.*", "it reaches every calendar in the company", "the same permission for the one mailbox as an Exchange role (RBAC for Applications)"},
	{"Contacts.*", "it reaches everybody's contacts", "the same permission for the one mailbox as an Exchange role (RBAC for Applications)"},
	{"Sites.FullControl.All", "it owns every SharePoint site", "Sites.Selected, and a grant on the one site"},
	{"Sites.*All", "it reaches every SharePoint site", "Sites.Selected, and a grant on the one site"},
	{"Files.*All", "it reaches every file in SharePoint and OneDrive", "Files.SelectedOperations.Selected, or Sites.Selected"},
	{"Chat.*All", "it reaches everybody's chats", "permissions of the one team or chat (resource-specific consent)"},
	{"ChannelMessage.*All", "it reaches every message in Teams", "permissions of the one team (resource-specific consent)"},
	{"DeviceManagement*.ReadWrite.All", "it can change what runs on the company's devices", "the Read permission"},
	{"*.PrivilegedOperations.All", "it can wipe the company's devices", "the Read permission"},
}

// wideRoles are the directory roles that no application should have for good.
var wideDirectoryRoles = []string{
	"Global Administrator", "Company Administrator", "Privileged Role Administrator", "Privileged Authentication Administrator", "Application Administrator",
	"Cloud Application Administrator", "Hybrid Identity Administrator", "User Administrator", "Exchange Administrator", "SharePoint Administrator", "Security Administrator",
	"Conditional Access Administrator", "Authentication Administrator", "Intune Administrator", "Groups Administrator", "Directory Writers", "Partner Tier2 Support",
}

// widePermission judges what the directory granted.
func widePermission(g entra.Grant) (why, instead string) {
	if g.Kind == entra.DirectoryRole {
		if slices.Contains(wideDirectoryRoles, g.Role) {
			return "it is an administrator of the directory all the time, whoever has its secret", "the one Graph permission for what it does"
		}
		return "", ""
	}
	if g.Kind == entra.Delegated {
		return wideDelegated(g)
	}
	for _, w := range widePermissions {
		if covers(w.name, g.Role) {
			return w.why, w.instead
		}
	}
	return "", ""
}

// wideDelegated judges a permission to act for people: it has no more than the person
// has, but from everybody, administrators included.
func wideDelegated(g entra.Grant) (why, instead string) {
	if !g.All {
		return "", ""
	}
	if g.Role == "Directory.AccessAsUser.All" {
		return "as soon as an administrator uses it, it can do in the directory what the administrator can", "the one permission for what it does"
	}
	for _, w := range widePermissions {
		if !strings.HasPrefix(w.name, "Mail.Send") && covers(w.name, g.Role) && !strings.HasPrefix(g.Role, "Calendars.") && !strings.HasPrefix(g.Role, "Contacts.") {
			return "for everybody who uses it, administrators included, " + w.why, "consent of the people who need it, one by one"
		}
	}
	return "", ""
}

// covers matches a name with one star in it, or none.
func covers(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return strings.EqualFold(pattern, name)
	}
	name, head, tail = strings.ToLower(name), strings.ToLower(head), strings.ToLower(tail)
	return len(name) >= len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail)
}

// level is how far up a scope lies.
type level int

const (
	resource level = iota
	group
	subscription
	above // a management group, or the root
)

func levelOf(scope string) level {
	parts := strings.Split(strings.Trim(strings.ToLower(scope), "/"), "/")
	switch {
	case scope == "/" || strings.Contains(strings.ToLower(scope), "/managementgroups/") && len(parts) == 4:
		return above
	case len(parts) == 2 && parts[0] == "subscriptions":
		return subscription
	case len(parts) == 4 && parts[2] == "resourcegroups":
		return group
	}
	return resource
}

func (l level) String() string {
	return [...]string{"the resource", "the resource group", "the whole subscription", "every subscription below"}[l]
}

// wideRole judges a role in Azure by its name and where it is assigned.
func wideRole(role, scope string) (why, instead string) {
	at := levelOf(scope)
	switch role {
	case "Owner":
		return "it can do everything in " + at.String() + ", and give rights away", "the one role for what it does, on the one resource"
	case "User Access Administrator", "Role Based Access Control Administrator":
		return "it can give itself any role in " + at.String(), "an assignment with a condition on the roles it may give, on the one resource"
	case "Contributor":
		if at >= group {
			return "it can change and delete everything in " + at.String(), "the one role for what it does, on the one resource"
		}
	case "Key Vault Administrator", "Key Vault Data Access Administrator":
		return "it can read, change and delete everything in the vaults of " + at.String(), "Key Vault Secrets User to read, Key Vault Secrets Officer to write, on the one vault"
	case "Key Vault Contributor":
		return "where vaults go by access policies it can give itself the right to read them", "Key Vault Secrets User, and vaults that go by roles (Azure RBAC)"
	case "Key Vault Secrets Officer", "Key Vault Secrets User", "Key Vault Certificate User", "Key Vault Certificates Officer", "Key Vault Crypto Officer":
		if at >= group {
			return "it reaches the secrets of every vault in " + at.String() + ", those that are made later included", "the same role on the one vault, or on the one secret"
		}
	case "Storage Account Contributor", "Storage Account Key Operator Service Role":
		if at >= group {
			return "it can read the keys of every storage account in " + at.String(), "Storage Blob Data Reader or Contributor on the one container"
		}
	case "Virtual Machine Contributor", "Automation Contributor", "Managed Identity Operator", "Logic App Contributor", "Website Contributor":
		if at >= subscription {
			return "it can run code as the identities of what it manages in " + at.String(), "the same role on the one resource group"
		}
	}
	return "", ""
}

// widePolicy judges what a vault's access policy permits.
func widePolicy(thing string, words []string) (why, instead string) {
	has := func(w string) bool { return slices.Contains(words, w) || slices.Contains(words, "all") }
	switch {
	case has("purge"):
		return "it can destroy " + thing + " beyond recovery", "get and list"
	case has("delete") && has("set") || has("delete") && has("create"):
		return "it can replace and delete all " + thing + " of the vault", "get; set for whoever renews them"
	case has("backup") || has("restore"):
		return "it can carry all " + thing + " away as a backup", "get"
	}
	return "", ""
}
