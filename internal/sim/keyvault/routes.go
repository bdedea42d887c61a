package keyvault

import (
	"slices"
	"strings"
	"time"
)

// operation is what a request asks for: what it needs, and the doing of it.
type operation struct {
	kind       string // secrets, certificates, keys
	name       string // of the object; empty for lists and for what has no name yet
	action     string // RBAC data action below Microsoft.KeyVault/vaults/
	permission string // of an access policy
	creates    bool   // counts against the smaller request limit
	do         func() (*answer, error)
}

func now() time.Time { return time.Now() }

// route finds the operation. The path is kind[/name[/more...]].
func (c *call) route() (operation, error) {
	if len(c.path) == 0 {
		return operation{}, unknownRoute(c.method)
	}
	kind := strings.ToLower(c.path[0])
	live := strings.TrimPrefix(kind, "deleted")
	var op operation
	switch {
	case live != "secrets" && live != "certificates" && live != "keys":
		return operation{}, unknownRoute(c.method)
	case live != kind:
		op = c.deletedRoute(live)
	case kind == "secrets":
		op = c.secretRoute()
	case kind == "certificates":
		op = c.certificateRoute()
	default:
		op = c.keyRoute()
	}
	if op.do == nil {
		return operation{}, unknownRoute(c.method)
	}
	op.kind = live
	if len(c.path) > 1 && !c.reserved() {
		op.name = c.path[1]
	}
	return op, checkName(op.name)
}

// reserved reports whether a word stands where a name would: the target of a
// restore, and the two things certificates have beside themselves.
func (c *call) reserved() bool {
	switch strings.ToLower(strings.Join(c.path, "/")) {
	case "secrets/restore":
		return c.method == "POST"
	case "certificates/contacts", "certificates/issuers":
		return true
	}
	return false
}

// shape is the method and the form of the path behind the kind: n stands for a
// name, v for a version, words for themselves.
func (c *call) shape(words ...string) string {
	var s strings.Builder
	s.WriteString(c.method)
	for i, part := range c.path[1:] {
		switch p := strings.ToLower(part); {
		case i == 0 && c.reserved():
			s.WriteString(" " + p)
		case i == 0:
			s.WriteString(" n")
		default:
			s.WriteString(" " + wordOr(p, words))
		}
	}
	return s.String()
}

func wordOr(p string, words []string) string {
	if slices.Contains(words, p) {
		return p
	}
	return "v"
}

// part is the ith segment behind the kind, or nothing.
func (c *call) part(i int) string {
	if i+1 < len(c.path) {
		return c.path[i+1]
	}
	return ""
}

func (c *call) secretRoute() operation {
	name, version := c.part(0), c.part(1)
	switch c.shape("versions", "backup") {
	case "GET":
		return operation{action: "secrets/readMetadata/action", permission: "list", do: c.listSecrets}
	case "PUT n":
		return operation{action: "secrets/setSecret/action", permission: "set", creates: true, do: func() (*answer, error) { return c.setSecret(name) }}
	case "GET n", "GET n v":
		return operation{action: "secrets/getSecret/action", permission: "get", do: func() (*answer, error) { return c.getSecret(name, version) }}
	case "PATCH n", "PATCH n v":
		return operation{action: "secrets/update/action", permission: "set", do: func() (*answer, error) { return c.updateSecret(name, version) }}
	case "GET n versions":
		return operation{action: "secrets/readMetadata/action", permission: "list", do: func() (*answer, error) { return c.listSecretVersions(name) }}
	case "DELETE n":
		return operation{action: "secrets/delete", permission: "delete", do: func() (*answer, error) { return c.deleteSecret(name) }}
	case "POST n backup":
		return operation{action: "secrets/backup/action", permission: "backup", do: func() (*answer, error) { return c.backupSecret(name) }}
	case "POST restore":
		return operation{action: "secrets/restore/action", permission: "restore", creates: true, do: c.restoreSecret}
	}
	return operation{}
}

func (c *call) certificateRoute() operation {
	name, version := c.part(0), c.part(1)
	switch c.shape("versions", "create", "import", "policy", "pending", "merge") {
	case "GET":
		return operation{action: "certificates/read", permission: "list", do: c.listCertificates}
	case "GET n", "GET n v":
		return operation{action: "certificates/read", permission: "get", do: func() (*answer, error) { return c.getCertificate(name, version) }}
	case "PATCH n", "PATCH n v":
		return operation{action: "certificates/update/action", permission: "update", do: func() (*answer, error) { return c.updateCertificate(name, version) }}
	case "GET n versions":
		return operation{action: "certificates/read", permission: "list", do: func() (*answer, error) { return c.listCertificateVersions(name) }}
	case "GET contacts":
		return operation{action: "certificatecontacts/read", permission: "managecontacts", do: c.noContacts}
	case "GET issuers":
		return operation{action: "certificatecas/read", permission: "listissuers", do: func() (*answer, error) { return c.page(nil, nil) }}
	case "POST n create":
		return operation{action: "certificates/create/action", permission: "create", creates: true, do: func() (*answer, error) { return c.createCertificate(name) }}
	case "POST n import":
		return operation{action: "certificates/import/action", permission: "import", creates: true, do: func() (*answer, error) { return c.importCertificate(name) }}
	case "GET n policy":
		return operation{action: "certificates/read", permission: "get", do: func() (*answer, error) { return c.getPolicy(name) }}
	case "PATCH n policy":
		return operation{action: "certificates/update/action", permission: "update", do: func() (*answer, error) { return c.updatePolicy(name) }}
	case "GET n pending":
		return operation{action: "certificates/read", permission: "get", do: func() (*answer, error) { return c.getPending(name) }}
	case "PATCH n pending":
		return operation{action: "certificates/update/action", permission: "update", do: func() (*answer, error) { return c.cancelPending(name) }}
	case "DELETE n pending":
		return operation{action: "certificates/delete", permission: "delete", do: func() (*answer, error) { return c.removePending(name) }}
	case "POST n pending merge":
		return operation{action: "certificates/create/action", permission: "create", creates: true, do: func() (*answer, error) { return c.mergeCertificate(name) }}
	case "DELETE n":
		return operation{action: "certificates/delete", permission: "delete", do: func() (*answer, error) { return c.deleteCertificate(name) }}
	}
	return operation{}
}

func (c *call) keyRoute() operation {
	name, version := c.part(0), c.part(1)
	switch c.shape("versions", "create") {
	case "GET":
		return operation{action: "keys/read", permission: "list", do: c.listKeys}
	case "GET n", "GET n v":
		return operation{action: "keys/read", permission: "get", do: func() (*answer, error) { return c.getKey(name, version) }}
	case "GET n versions":
		return operation{action: "keys/read", permission: "list", do: func() (*answer, error) { return c.listKeyVersions(name) }}
	case "POST n create":
		return operation{action: "keys/create/action", permission: "create", creates: true, do: func() (*answer, error) { return c.createKey(name) }}
	case "DELETE n":
		return operation{action: "keys/delete", permission: "delete", do: func() (*answer, error) { return c.deleteKey(name) }}
	}
	return operation{}
}

// deletedRoute is the same for the three kinds.
func (c *call) deletedRoute(kind string) operation {
	name := c.part(0)
	look := map[string]string{"secrets": "secrets/readMetadata/action", "certificates": "certificates/read", "keys": "keys/read"}[kind]
	d := c.deleted(kind)
	switch c.shape("recover") {
	case "GET":
		return operation{action: look, permission: "list", do: d.list}
	case "GET n":
		return operation{action: look, permission: "get", do: func() (*answer, error) { return d.get(name) }}
	case "POST n recover":
		return operation{action: kind + "/recover/action", permission: "recover", do: func() (*answer, error) { return d.bring(name) }}
	case "DELETE n":
		return operation{action: kind + "/purge/action", permission: "purge", do: func() (*answer, error) { return d.purge(name) }}
	}
	return operation{}
}
