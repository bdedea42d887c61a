package world

import (
	"slices"
	"strings"
	"time"
)

// Role is a built-in RBAC role: what it allows on the control plane (Actions
// without NotActions) and inside resources (DataActions without NotDataActions).
// A star stands for any text.
type Role struct {
	Name, ID, Description       string
	Custom                      bool // not built in: made by the tenant
	Actions, NotActions         []string
	DataActions, NotDataActions []string
}

// Roles are the roles the surfaces know: built-in ones with their real ids, and
// the two that rekey's documentation tells administrators to make, see
// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
func Roles() []Role { return slices.Clone(roles) }

// RoleByName finds a role by its name, or by its id, without regard to case.
func RoleByName(name string) (Role, bool) {
	for _, r := range roles {
		if strings.EqualFold(r.Name, name) || strings.EqualFold(r.ID, name) {
			return r, true
		}
	}
	return Role{}, false
}

var roles = []Role{
	{
		Name: "Owner", ID: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
		Description: "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
		Actions:     []string{"*"},
	},
	{
		Name: "Contributor", ID: "b24988ac-6180-42a0-ab88-20f7382dd24c",
		Description: "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC.",
		Actions:     []string{"*"},
		NotActions:  []string{"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action"},
	},
	{
		Name: "Reader", ID: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
		Description: "View all resources, but does not allow you to make any changes.",
		Actions:     []string{"*/read"},
	},
	{
		Name: "User Access Administrator", ID: "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
		Description: "Lets you manage user access to Azure resources.",
		Actions:     []string{"*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"},
	},
	{
		Name: "Key Vault Contributor", ID: "f25e0fa2-a7c8-4377-a976-54943a77a395",
		Description: "Lets you manage key vaults, but not access to them.",
		Actions:     append([]string{"Microsoft.KeyVault/*"}, everyContributor...),
		NotActions:  []string{"Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/hsmPools/*", "Microsoft.KeyVault/managedHsms/*"},
	},
	{
		Name: "Storage Account Contributor", ID: "17d1049b-9a84-46fb-8f53-869881c3d3ab",
		Description: "Lets you manage storage accounts, including accessing storage account keys.",
		Actions:     append([]string{"Microsoft.Storage/storageAccounts/*"}, everyContributor...),
	},
	{
		Name: "Storage Account Key Operator Service Role", ID: "81a9662b-bebf-436f-a333-f67b29880f12",
		Description: "Storage Account Key Operators are allowed to list and regenerate keys on Storage Accounts.",
		Actions:     []string{"Microsoft.Storage/storageAccounts/listkeys/action", "Microsoft.Storage/storageAccounts/regeneratekey/action"},
	},
	{
		Name: "EventGrid Contributor", ID: "1e241071-0855-49ea-94dc-649edcd759de",
		Description: "Lets you manage EventGrid operations.",
		Actions:     append([]string{"Microsoft.EventGrid/*"}, everyContributor...),
	},
	{
		Name: "EventGrid Data Sender", ID: "d5a91429-5739-47e2-a06b-3470a27159e7",
		Description: "Allows send access to event grid events.",
		Actions:     []string{"Microsoft.EventGrid/topics/read", "Microsoft.EventGrid/domains/read"},
		DataActions: []string{"Microsoft.EventGrid/events/send/action"},
	},
	{
		Name: "Key Vault Administrator", ID: "00482a5a-887f-4fb3-b363-3b7fe8e74483",
		Description: "Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and secrets.",
		Actions:     append(vaultControl("Microsoft.KeyVault/*/read"), everyContributor...),
		DataActions: []string{"Microsoft.KeyVault/vaults/*"},
	},
	{
		Name: "Key Vault Reader", ID: "21090545-7ca7-4776-b22c-e363652d74d2",
		Description: "Read metadata of key vaults and its certificates, keys, and secrets. Cannot read sensitive values such as secret contents or key material.",
		Actions:     append(vaultControl("Microsoft.KeyVault/*/read"), everyContributor...),
		DataActions: []string{"Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"},
	},
	{
		Name: "Key Vault Secrets Officer", ID: "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
		Description: "Perform any action on the secrets of a key vault, except manage permissions.",
		Actions:     append(vaultControl("Microsoft.KeyVault/*/read"), everyContributor...),
		DataActions: []string{"Microsoft.KeyVault/vaults/secrets/*"},
	},
	{
		Name: "Key Vault Secrets User", ID: "4633458b-17de-408a-b874-0445c86b69e6",
		Description: "Read secret contents.",
		DataActions: []string{"Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"},
	},
	{
		Name: "Key Vault Certificates Officer", ID: "a4417e6f-fecd-4de8-b567-7b0420556985",
		Description: "Perform any action on the certificates of a key vault, excluding reading the secret and key portions, and managing permissions.",
		Actions:     append(vaultControl("Microsoft.KeyVault/*/read"), everyContributor...),
		DataActions: []string{"Microsoft.KeyVault/vaults/certificatecas/*", "Microsoft.KeyVault/vaults/certificates/*", "Microsoft.KeyVault/vaults/certificatecontacts/write"},
	},
	{
		Name: "Key Vault Certificate User", ID: "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba",
		Description: "Read certificate contents.",
		DataActions: []string{
			"Microsoft.KeyVault/vaults/certificates/read", "Microsoft.KeyVault/vaults/secrets/getSecret/action",
			"Microsoft.KeyVault/vaults/secrets/readMetadata/action", "Microsoft.KeyVault/vaults/keys/read",
		},
	},
	{
		Name: "Key Vault Crypto Officer", ID: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
		Description: "Perform any action on the keys of a key vault, except manage permissions.",
		Actions:     append(vaultControl("Microsoft.KeyVault/*/read"), everyContributor...),
		DataActions: []string{"Microsoft.KeyVault/vaults/keys/*", "Microsoft.KeyVault/vaults/keyrotationpolicies/*"},
	},
	{
		Name: "Key Vault Crypto User", ID: "12338af0-0e69-4776-bea7-57ae8d297424",
		Description: "Perform cryptographic operations using keys.",
		DataActions: []string{
			"Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/update/action", "Microsoft.KeyVault/vaults/keys/backup/action",
			"Microsoft.KeyVault/vaults/keys/encrypt/action", "Microsoft.KeyVault/vaults/keys/decrypt/action", "Microsoft.KeyVault/vaults/keys/wrap/action",
			"Microsoft.KeyVault/vaults/keys/unwrap/action", "Microsoft.KeyVault/vaults/keys/sign/action", "Microsoft.KeyVault/vaults/keys/verify/action",
		},
	},
	{
		Name: "Website Contributor", ID: "de139f84-1756-47ae-9be6-808fbbe84772",
		Description: "Lets you manage websites (not web plans), but not access to them.",
		Actions:     append([]string{"Microsoft.Web/certificates/*", "Microsoft.Web/serverFarms/join/action", "Microsoft.Web/serverFarms/read", "Microsoft.Web/sites/*"}, everyContributor...),
	},
	{
		Name: "Key Vault Purge Operator", ID: "a68e7c17-0ab2-4c09-9a58-125dae29748c",
		Description: "Allows permanent deletion of soft-deleted vaults.",
		Actions: []string{
			"Microsoft.KeyVault/locations/deletedVaults/read", "Microsoft.KeyVault/locations/deletedVaults/purge/action",
			"Microsoft.KeyVault/locations/operationResults/read", "Microsoft.KeyVault/deletedVaults/read",
		},
	},
	{
		Name: "DocumentDB Account Contributor", ID: "5bd9cd88-fe45-4216-938b-f97437e15450",
		Description: "Lets you manage DocumentDB accounts, but not access to them.",
		Actions:     append([]string{"Microsoft.DocumentDb/databaseAccounts/*", "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"}, everyContributor...),
	},
	{
		Name: "Azure Service Bus Data Owner", ID: "090c5cfd-751d-490a-894a-3ce6f1109419",
		Description: "Allows for full access to Azure Service Bus resources.",
		Actions:     []string{"Microsoft.ServiceBus/*"},
		DataActions: []string{"Microsoft.ServiceBus/*"},
	},
	{
		Name: "Azure Event Hubs Data Owner", ID: "f526a384-b230-433a-b45c-95f59c4a2dec",
		Description: "Allows for full access to Azure Event Hubs resources.",
		Actions:     []string{"Microsoft.EventHub/*"},
		DataActions: []string{"Microsoft.EventHub/*"},
	},
	{
		Name: "Access Key Lister", ID: "6b1d0c52-5f0e-4c8e-9d0a-3f2b7a9c1e01", Custom: true,
		Description: "Lists resources with access keys, and reads the keys.",
		Actions:     append(slices.Clone(keyHolders), keyActions("listKeys")...),
	},
	{
		Name: "Access Key Operator", ID: "6b1d0c52-5f0e-4c8e-9d0a-3f2b7a9c1e02", Custom: true,
		Description: "Lists resources with access keys, reads the keys and makes them anew.",
		Actions:     slices.Concat(keyHolders, keyActions("listKeys"), keyActions("regenerateKey")),
	},
}

// keyHolders are the rights to see what has access keys.
var keyHolders = []string{
	"Microsoft.EventGrid/topics/read", "Microsoft.Storage/storageAccounts/read", "Microsoft.DocumentDB/databaseAccounts/read",
	"Microsoft.DocumentDB/locations/operationsStatus/read", "Microsoft.ServiceBus/namespaces/read", "Microsoft.ServiceBus/namespaces/*/read",
	"Microsoft.EventHub/namespaces/read", "Microsoft.EventHub/namespaces/*/read",
}

// keyActions are listKeys or regenerateKey in the spelling of each provider.
func keyActions(do string) []string {
	plural := "listKeys"
	if do != "listKeys" {
		plural = "regenerateKeys"
	}
	actions := []string{
		"Microsoft.EventGrid/topics/" + do + "/action", "Microsoft.Storage/storageAccounts/" + strings.ToLower(do) + "/action",
		"Microsoft.DocumentDB/databaseAccounts/" + do + "/action",
	}
	for _, holder := range []string{"ServiceBus/namespaces", "ServiceBus/namespaces/queues", "ServiceBus/namespaces/topics", "EventHub/namespaces", "EventHub/namespaces/eventhubs"} {
		actions = append(actions, "Microsoft."+holder+"/authorizationRules/"+plural+"/action")
	}
	return actions
}

// everyContributor is what the roles that manage one kind of resource share.
var everyContributor = []string{
	"Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.Resources/deployments/*",
	"Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Support/*",
}

func vaultControl(more ...string) []string {
	return append([]string{"Microsoft.KeyVault/checkNameAvailability/read", "Microsoft.KeyVault/deletedVaults/read", "Microsoft.KeyVault/locations/*/read"}, more...)
}

// Acts reports whether the assignment has an effect now, lag after it was made
// and until lag after it was removed.
func (a Assignment) Acts(now time.Time, lag time.Duration) bool {
	if now.Before(a.Created.Add(lag)) {
		return false
	}
	return a.Removed.IsZero() || now.Before(a.Removed.Add(lag))
}

// Allowed finds an assignment that lets the principal do action ("…/action" of a
// control plane, or of a data plane when data is set) on the resource. The
// caller holds Read or Change.
func (a *Azure) Allowed(principal, action string, data bool, resource string, now time.Time, lag time.Duration) (Assignment, bool) {
	for _, s := range a.Assignments {
		if !strings.EqualFold(s.PrincipalID, principal) || !s.Acts(now, lag) || !within(resource, s.Scope) {
			continue
		}
		role, ok := RoleByName(s.Role)
		if ok && role.allows(action, data) {
			return s, true
		}
	}
	return Assignment{}, false
}

// RolesOf are the roles that a principal has on a resource. The caller holds Read
// or Change.
func (a *Azure) RolesOf(principal, resource string, now time.Time, lag time.Duration) (list []Role) {
	for _, s := range a.Assignments {
		if !strings.EqualFold(s.PrincipalID, principal) || !s.Acts(now, lag) || !within(resource, s.Scope) {
			continue
		}
		if role, ok := RoleByName(s.Role); ok {
			list = append(list, role)
		}
	}
	return list
}

func (r Role) allows(action string, data bool) bool {
	yes, no := r.Actions, r.NotActions
	if data {
		yes, no = r.DataActions, r.NotDataActions
	}
	covers := func(pattern string) bool { return star(strings.ToLower(pattern), strings.ToLower(action)) }
	return slices.ContainsFunc(yes, covers) && !slices.ContainsFunc(no, covers)
}

// within reports whether the resource is the scope or lies below it. The root
// scope "/" holds everything.
func within(resource, scope string) bool {
	resource, scope = strings.ToLower(resource), strings.TrimSuffix(strings.ToLower(scope), "/")
	rest, ok := strings.CutPrefix(resource, scope)
	return ok && (rest == "" || rest[0] == '/')
}

// star matches text against a pattern in which every * stands for any text.
func star(pattern, text string) bool {
	head, tail, found := strings.Cut(pattern, "*")
	rest, ok := strings.CutPrefix(text, head)
	if !ok || !found {
		return ok && rest == ""
	}
	for i := range len(rest) + 1 {
		if star(tail, rest[i:]) {
			return true
		}
	}
	return false
}
