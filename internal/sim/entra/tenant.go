package entra

import "strings"

// resolve turns the path's tenant into the tenant's id; common and organizations
// stay what they are.
func (c *call) resolve() (string, *failure) {
	name := strings.ToLower(c.tenant)
	switch {
	case name == "common" || name == "organizations":
		return name, nil
	case name == strings.ToLower(c.w.Tenant.ID) || c.ownDomain(name):
		return c.w.Tenant.ID, nil
	case isGUID(name) || isDomain(name):
		return "", invalidRequest(90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", c.tenant)
	}
	return "", invalidRequest(900023, "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", c.tenant)
}

// ownDomain reports whether the tenant has verified a domain: the one it is known
// by, and the one it was born with.
func (c *call) ownDomain(name string) bool {
	own := strings.ToLower(c.w.Tenant.Domain)
	first, _, _ := strings.Cut(own, ".")
	name = strings.ToLower(name)
	return name != "" && (name == own || name == first+".onmicrosoft.com")
}

func isDomain(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
