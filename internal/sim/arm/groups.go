package arm

import (
	"net/http"
	"slices"
	"strings"
)

// group describes a resource group. The caller holds the world's lock.
func (c *call) group(name string) map[string]any {
	return map[string]any{
		"id": c.w.Azure.GroupID(name), "name": name, "type": "Microsoft.Resources/resourceGroups", "location": "westeurope",
		"tags": map[string]string{}, "properties": map[string]any{"provisioningState": "Succeeded"},
	}
}

// groupNamed finds a group as it is written. The caller holds the world's lock.
func (c *call) groupNamed(name string) (string, bool) {
	i := slices.IndexFunc(c.w.Azure.Groups, func(g string) bool { return strings.EqualFold(g, name) })
	if i < 0 {
		return "", false
	}
	return c.w.Azure.Groups[i], true
}

func (c *call) listGroups() (*answer, error) {
	var value []map[string]any
	c.w.Read(func() {
		for _, name := range c.w.Azure.Groups {
			if c.may("Microsoft.Resources/subscriptions/resourceGroups/read", c.w.Azure.GroupID(name)) {
				value = append(value, c.group(name))
			}
		}
	})
	return list(value)
}

func (c *call) getGroup() (a *answer, err error) {
	err = groupNotFound(c.args["g"])
	c.w.Read(func() {
		if name, has := c.groupNamed(c.args["g"]); has {
			a, err = ok(c.group(name))
		}
	})
	return a, err
}

func (c *call) hasGroup() (*answer, error) {
	if _, err := c.getGroup(); err != nil {
		return &answer{status: http.StatusNotFound}, nil
	}
	return &answer{status: http.StatusNoContent}, nil
}

func (c *call) putGroup() (a *answer, err error) {
	var body struct {
		Location string `json:"location"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if body.Location == "" {
		return nil, badRequest("LocationRequired", "The location property is required for this definition.")
	}
	c.w.Change(func() {
		status := http.StatusOK
		name, has := c.groupNamed(c.args["g"])
		if !has {
			name, status = c.args["g"], http.StatusCreated
			c.w.Azure.Groups = append(c.w.Azure.Groups, name)
		}
		c.record("putGroup", name, "")
		a = &answer{status: status, body: c.group(name)}
	})
	return a, nil
}

// deleteGroup deletes a group that is empty. The manager would delete what is in
// it too; a pretended tenant is not emptied by one mistyped command.
func (c *call) deleteGroup() (a *answer, err error) {
	c.w.Change(func() {
		name, has := c.groupNamed(c.args["g"])
		if !has {
			err = groupNotFound(c.args["g"])
			return
		}
		for _, r := range c.everything() {
			if strings.EqualFold(r.group, name) {
				err = fail(http.StatusConflict, "ResourceGroupDeletionBlocked", "Deletion of resource group '"+name+"' failed as it still holds resources, such as "+r.id+".")
				return
			}
		}
		c.w.Azure.Groups = slices.DeleteFunc(c.w.Azure.Groups, func(g string) bool { return g == name })
		c.record("deleteGroup", name, "")
		a = &answer{status: http.StatusOK}
	})
	return a, err
}
