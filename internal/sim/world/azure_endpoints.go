package world

import (
	"net/url"
	"strings"
)

// Host is where the resource's own data is served, as its properties say it,
// without a port; empty if it serves none.
func (r *Resource) Host() string {
	address := ""
	switch r.Type {
	case "Microsoft.EventGrid/topics":
		address, _ = r.Properties["endpoint"].(string)
	case "Microsoft.Storage/storageAccounts":
		endpoints, _ := r.Properties["primaryEndpoints"].(map[string]any)
		address, _ = endpoints["blob"].(string)
	case "Microsoft.ServiceBus/namespaces", "Microsoft.EventHub/namespaces":
		address, _ = r.Properties["serviceBusEndpoint"].(string)
	case "Microsoft.DocumentDB/databaseAccounts":
		address, _ = r.Properties["documentEndpoint"].(string)
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Serving is the resource whose data a host serves, nil if there is none.
func (w *World) Serving(host string) (found *Resource) {
	w.Read(func() {
		for _, r := range w.Azure.Resources {
			if h := r.Host(); h != "" && h == host {
				found = r
			}
		}
	})
	return found
}

// KeysRefused reports whether the resource takes no keys at all, only tokens of
// the directory. The caller holds Read or Change.
func (r *Resource) KeysRefused() bool {
	if shared, said := r.Properties["allowSharedKeyAccess"].(bool); said && !shared {
		return true
	}
	off, _ := r.Properties["disableLocalAuth"].(bool)
	return off
}
