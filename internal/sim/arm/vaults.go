package arm

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// vaultBody is a vault on the wire, as far as a caller can change it.
type vaultBody struct {
	Location   string             `json:"location"`
	Tags       *map[string]string `json:"tags"`
	Properties struct {
		CreateMode      string        `json:"createMode"`
		Policies        *[]wirePolicy `json:"accessPolicies"`
		RBAC            *bool         `json:"enableRbacAuthorization"`
		RetentionDays   *int          `json:"softDeleteRetentionInDays"`
		PurgeProtection *bool         `json:"enablePurgeProtection"`
		PublicAccess    *string       `json:"publicNetworkAccess"`
		ACLs            *struct {
			Action string `json:"defaultAction"`
		} `json:"networkAcls"`
	} `json:"properties"`
}

type wirePolicy struct {
	TenantID    string              `json:"tenantId"`
	ObjectID    string              `json:"objectId"`
	Permissions map[string][]string `json:"permissions"`
}

// wireVault describes a vault. The caller holds the world's lock.
func (c *call) wireVault(v *world.Vault) map[string]any {
	policies := []wirePolicy{}
	for _, p := range v.Policies {
		policies = append(policies, wirePolicy{c.w.Tenant.ID, p.ObjectID, map[string][]string{
			"keys": orEmpty(p.Keys), "secrets": orEmpty(p.Secrets), "certificates": orEmpty(p.Certificates), "storage": {},
		}})
	}
	public, action := "Enabled", "Allow"
	if !v.PublicAccess {
		public = "Disabled"
	}
	if v.FirewallDeny {
		action = "Deny"
	}
	properties := map[string]any{
		"tenantId": c.w.Tenant.ID, "sku": map[string]any{"family": "A", "name": "standard"}, "accessPolicies": policies,
		"enabledForDeployment": false, "enabledForDiskEncryption": false, "enabledForTemplateDeployment": false,
		"enableRbacAuthorization": v.RBAC, "enableSoftDelete": true, "softDeleteRetentionInDays": v.RetentionDays,
		"vaultUri": "https://" + strings.ToLower(v.Name) + ".vault.azure.net/", "publicNetworkAccess": public, "provisioningState": "Succeeded",
		"networkAcls": map[string]any{"bypass": "AzureServices", "defaultAction": action, "ipRules": []any{}, "virtualNetworkRules": []any{}},
	}
	if v.PurgeProtection {
		properties["enablePurgeProtection"] = true
	}
	w := thing{c.w.Azure.VaultID(v), v.Name, vaultType, v.Group, v.Location, v.Tags}.wire()
	w["properties"] = properties
	w["systemData"] = map[string]any{"createdAt": v.Created.UTC().Format(time.RFC3339), "createdByType": "User"}
	return w
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return slices.Clone(list)
}

func (c *call) listVaults() (*answer, error) {
	var value []map[string]any
	var err error
	group := c.args["g"]
	c.w.Read(func() {
		if _, has := c.groupNamed(group); group != "" && !has {
			err = groupNotFound(group)
			return
		}
		for _, t := range c.everything() {
			if t.kind == vaultType && (group == "" || strings.EqualFold(t.group, group)) {
				value = append(value, c.wireVault(c.w.Azure.Vaults[strings.ToLower(t.name)]))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return list(value)
}

// vault finds the one the path names. The caller holds the world's lock.
func (c *call) vault() (*world.Vault, error) {
	if _, has := c.groupNamed(c.args["g"]); !has {
		return nil, groupNotFound(c.args["g"])
	}
	v := c.w.Azure.Vaults[strings.ToLower(c.args["n"])]
	if v == nil || !strings.EqualFold(v.Group, c.args["g"]) {
		return nil, resourceNotFound(vaultType, c.args["n"], c.args["g"])
	}
	return v, nil
}

func (c *call) getVault() (a *answer, err error) {
	c.w.Read(func() {
		var v *world.Vault
		if v, err = c.vault(); err == nil {
			a, err = ok(c.wireVault(v))
		}
	})
	return a, err
}

var vaultName = regexp.MustCompile(`^[A-Za-z](-?[0-9A-Za-z]){2,23}$`)

// putVault makes a vault, changes one, or brings a deleted one back.
func (c *call) putVault() (a *answer, err error) {
	var body vaultBody
	if err := c.read(&body); err != nil {
		return nil, err
	}
	name := c.args["n"]
	if !vaultName.MatchString(name) || len(name) > 24 {
		return nil, badRequest("VaultNameNotValid", "The vault name '"+name+"' is invalid. A vault's name must be between 3-24 alphanumeric characters. "+
			"The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.")
	}
	c.w.Change(func() {
		group, has := c.groupNamed(c.args["g"])
		if !has {
			err = groupNotFound(c.args["g"])
			return
		}
		var v *world.Vault
		if v, err = c.vaultToWrite(group, name, body); err != nil {
			return
		}
		if err = body.apply(v); err != nil {
			return
		}
		c.record("putVault", v.Name, "")
		a, err = ok(c.wireVault(v))
	})
	return a, err
}

func (c *call) vaultToWrite(group, name string, body vaultBody) (*world.Vault, error) {
	key := strings.ToLower(name)
	if v := c.w.Azure.Vaults[key]; v != nil {
		if !strings.EqualFold(v.Group, group) {
			return nil, fail(http.StatusConflict, "VaultAlreadyExists", "The vault name '"+name+"' is already in use. Vault names are globally unique so it is possible that the name is already taken.")
		}
		return v, nil
	}
	if v := c.w.Azure.DeletedVaults[key]; v != nil {
		if !strings.EqualFold(body.Properties.CreateMode, "recover") {
			return nil, fail(http.StatusConflict, "ConflictError", "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. "+
				"Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.")
		}
		delete(c.w.Azure.DeletedVaults, key)
		v.Deleted = time.Time{}
		c.w.Azure.Vaults[key] = v
		return v, nil
	}
	if body.Location == "" {
		return nil, badRequest("LocationRequired", "The location property is required for this definition.")
	}
	v := &world.Vault{Name: name, Group: group, Location: strings.ToLower(strings.ReplaceAll(body.Location, " ", "")), PublicAccess: true}
	// Since 2026-02-01 a vault uses roles unless the caller says otherwise.
	v.RBAC = body.Properties.Policies == nil && c.r.URL.Query().Get("api-version") >= "2026-02-01"
	c.w.Azure.AddVault(v)
	return v, nil
}

// apply changes what the caller said.
func (b vaultBody) apply(v *world.Vault) error {
	p := b.Properties
	if p.PurgeProtection != nil && !*p.PurgeProtection && v.PurgeProtection {
		return badRequest("BadRequest", `The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.`)
	}
	if p.RetentionDays != nil && (*p.RetentionDays < 7 || *p.RetentionDays > 90) {
		return badRequest("BadRequest", `The property "softDeleteRetentionInDays" must be between 7 and 90.`)
	}
	if p.PurgeProtection != nil {
		v.PurgeProtection = *p.PurgeProtection
	}
	if p.RetentionDays != nil {
		v.RetentionDays = *p.RetentionDays
	}
	if b.Tags != nil {
		v.Tags = tagsOf(*b.Tags)
	}
	if p.RBAC != nil {
		v.RBAC = *p.RBAC
	}
	if p.PublicAccess != nil {
		v.PublicAccess = !strings.EqualFold(*p.PublicAccess, "Disabled")
	}
	if p.ACLs != nil {
		v.FirewallDeny = strings.EqualFold(p.ACLs.Action, "Deny")
	}
	if p.Policies != nil {
		v.Policies = nil
		for _, w := range *p.Policies {
			v.Policies = append(v.Policies, w.policy())
		}
	}
	return nil
}

func (w wirePolicy) policy() world.AccessPolicy {
	p := world.AccessPolicy{ObjectID: w.ObjectID}
	for kind, list := range w.Permissions {
		switch strings.ToLower(kind) {
		case "secrets":
			p.Secrets = list
		case "certificates":
			p.Certificates = list
		case "keys":
			p.Keys = list
		}
	}
	return p
}

func (c *call) patchVault() (a *answer, err error) {
	var body vaultBody
	if err := c.read(&body); err != nil {
		return nil, err
	}
	c.w.Change(func() {
		var v *world.Vault
		if v, err = c.vault(); err != nil {
			return
		}
		if err = body.apply(v); err != nil {
			return
		}
		c.record("putVault", v.Name, "")
		a, err = ok(c.wireVault(v))
	})
	return a, err
}

// changePolicies adds, replaces or removes access policies by object id.
func (c *call) changePolicies() (a *answer, err error) {
	var body vaultBody
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if body.Properties.Policies == nil {
		return nil, badRequest("BadRequest", "The property accessPolicies is required.")
	}
	c.w.Change(func() {
		var v *world.Vault
		if v, err = c.vault(); err != nil {
			return
		}
		for _, w := range *body.Properties.Policies {
			v.Policies = slices.DeleteFunc(v.Policies, func(p world.AccessPolicy) bool { return strings.EqualFold(p.ObjectID, w.ObjectID) })
			if !strings.EqualFold(c.args["op"], "remove") {
				v.Policies = append(v.Policies, w.policy())
			}
		}
		c.record("putVault", v.Name, "")
		a, err = ok(c.wireVault(v))
	})
	return a, err
}
