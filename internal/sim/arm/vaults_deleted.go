package arm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

func (c *call) deleteVault() (a *answer, err error) {
	c.w.Change(func() {
		v, missing := c.vault()
		if missing != nil {
			a = &answer{status: http.StatusNoContent}
			return
		}
		key := strings.ToLower(v.Name)
		v.Deleted = time.Now()
		delete(c.w.Azure.Vaults, key)
		c.w.Azure.DeletedVaults[key] = v
		c.record("deleteVault", v.Name, "")
		a = &answer{status: http.StatusOK}
	})
	return a, nil
}

func (c *call) wireDeletedVault(v *world.Vault) map[string]any {
	return map[string]any{
		"id":   fmt.Sprintf("%s/providers/Microsoft.KeyVault/locations/%s/deletedVaults/%s", c.w.Azure.SubscriptionPath(), v.Location, v.Name),
		"name": v.Name, "type": "Microsoft.KeyVault/deletedVaults",
		"properties": map[string]any{
			"vaultId": c.w.Azure.VaultID(v), "location": v.Location, "tags": tagsOf(v.Tags), "deletionDate": v.Deleted.UTC().Format(time.RFC3339),
			"scheduledPurgeDate": v.Deleted.UTC().AddDate(0, 0, v.RetentionDays).Format(time.RFC3339), "purgeProtectionEnabled": v.PurgeProtection,
		},
	}
}

func (c *call) listDeletedVaults() (*answer, error) {
	var value []map[string]any
	c.w.Read(func() {
		for _, v := range c.w.Azure.DeletedVaults {
			value = append(value, c.wireDeletedVault(v))
		}
	})
	slices.SortFunc(value, func(a, b map[string]any) int { return strings.Compare(a["name"].(string), b["name"].(string)) })
	return list(value)
}

// deletedVault finds the one the path names. The caller holds the world's lock.
func (c *call) deletedVault() (*world.Vault, error) {
	v := c.w.Azure.DeletedVaults[strings.ToLower(c.args["n"])]
	if v == nil || !strings.EqualFold(v.Location, c.args["l"]) {
		return nil, fail(http.StatusNotFound, "DeletedVaultNotFound", "The specified deleted vault '"+c.args["n"]+"' does not exist.")
	}
	return v, nil
}

func (c *call) getDeletedVault() (a *answer, err error) {
	c.w.Read(func() {
		var v *world.Vault
		if v, err = c.deletedVault(); err == nil {
			a, err = ok(c.wireDeletedVault(v))
		}
	})
	return a, err
}

// purgeVault answers with the place where the end of the purge can be asked
// for. The name is free at once; the place says so after the lag.
func (c *call) purgeVault() (a *answer, err error) {
	c.w.Change(func() {
		var v *world.Vault
		if v, err = c.deletedVault(); err != nil {
			return
		}
		if v.PurgeProtection {
			err = badRequest("DeletedVaultPurge", "Operation 'DeletedVaultPurge' is not allowed since purge protection is enabled for the vault.")
			return
		}
		delete(c.w.Azure.DeletedVaults, strings.ToLower(v.Name))
		c.record("purgeVault", v.Name, "")
		a = &answer{status: http.StatusAccepted, header: map[string]string{
			"Location": fmt.Sprintf("https://management.azure.com%s/providers/Microsoft.KeyVault/locations/%s/operationResults/%d?api-version=%s",
				c.w.Azure.SubscriptionPath(), v.Location, time.Now().Add(c.w.Lag.Vault).UnixMilli(), c.r.URL.Query().Get("api-version")),
			"Retry-After": "1",
		}}
	})
	return a, err
}

// purgeResult reads from its own name when the purge is over.
func (c *call) purgeResult() (*answer, error) {
	var ready int64
	if _, err := fmt.Sscanf(c.args["n"], "%d", &ready); err != nil {
		return nil, fail(http.StatusNotFound, "OperationNotFound", "The operation '"+c.args["n"]+"' was not found.")
	}
	if time.Now().UnixMilli() < ready {
		return &answer{status: http.StatusAccepted, header: map[string]string{"Location": "https://management.azure.com" + c.r.URL.RequestURI(), "Retry-After": "1"}}, nil
	}
	return &answer{status: http.StatusOK}, nil
}

func (c *call) checkVaultName() (*answer, error) {
	var body struct {
		Name string `json:"name"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	taken := false
	c.w.Read(func() {
		key := strings.ToLower(body.Name)
		taken = c.w.Azure.Vaults[key] != nil || c.w.Azure.DeletedVaults[key] != nil
	})
	switch {
	case !vaultName.MatchString(body.Name) || len(body.Name) > 24:
		return ok(map[string]any{"nameAvailable": false, "reason": "AccountNameInvalid", "message": "The vault name '" + body.Name + "' is invalid."})
	case taken:
		return ok(map[string]any{"nameAvailable": false, "reason": "AlreadyExists", "message": "The vault name '" + body.Name + "' is already in use."})
	}
	return ok(map[string]any{"nameAvailable": true})
}
