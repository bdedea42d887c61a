package diagnosis

import (
	"context"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

// writes checks the identity that renews, and what it owns.
func (d *doctor) writes(ctx context.Context) {
	if d.Writer == nil {
		d.skip("none is configured: rekey can tell what ends, and not renew it", "Writer")
		return
	}
	c := *d.Writer
	c.Tenant, c.Wire = d.Tenant, d.Wire
	d.writer = d.signIn(ctx, "Writer", c)
	if d.writer == nil {
		return
	}
	if d.reader != nil && d.reader.clientID == d.writer.clientID {
		d.warn("Writer apart", "make a second application: rekey init --script az", "reader and writer are the same application; whoever gets hold of the one that reads everything can then also write")
	}
	d.role("Writer permission", d.writer, writeOwn, "Application.ReadWrite.All", "Directory.ReadWrite.All")
	d.ownership(ctx)
}

// ownership counts the applications that the writer owns, of those it should.
func (d *doctor) ownership(ctx context.Context) {
	const name = "Ownership"
	by := d.reader
	if by == nil {
		by = d.writer
	}
	owned := map[string]bool{}
	path := "/v1.0/servicePrincipals/" + d.writer.principal + "/ownedObjects?$select=id&$top=999"
	for path != "" {
		var page struct {
			Value []struct {
				ID string `json:"id"`
			} `json:"value"`
			Next string `json:"@odata.nextLink"`
		}
		if err := ask(ctx, by.graph, path, &page); err != nil {
			d.fail(name, d.writer.grant(writeOwn), "cannot tell what the writer owns: %v", err)
			return
		}
		for _, o := range page.Value {
			owned[o.ID] = true
		}
		path = page.Next
	}
	if d.Renewable == nil {
		d.ok(name, "the writer owns %d objects", len(owned))
		return
	}
	list, err := d.Renewable(ctx)
	if err != nil {
		d.fail(name, "run rekey sync", "cannot tell which applications it should own: %v", err)
		return
	}
	var foreign []inventory.Application
	for _, a := range list {
		if !owned[string(a.ObjectID)] {
			foreign = append(foreign, a)
		}
	}
	switch {
	case len(list) == 0:
		d.ok(name, "the writer owns %d objects; no application with a client secret is known yet (rekey sync)", len(owned))
	case len(foreign) == 0:
		d.ok(name, "the writer owns all %d applications with client secrets", len(list))
	default:
		d.warn(name, d.own(foreign), "the writer owns %d of %d applications with client secrets; the other %d can be watched, not renewed", len(list)-len(foreign), len(list), len(foreign))
	}
}

// own is how the writer becomes an owner, for the first few.
func (d *doctor) own(foreign []inventory.Application) string {
	var b strings.Builder
	b.WriteString("make the writer an owner of those it should renew:")
	for _, a := range foreign[:min(3, len(foreign))] {
		fmt.Fprintf(&b, "\naz ad app owner add --id %s --owner-object-id %s", a.ClientID, d.writer.principal)
	}
	if len(foreign) > 3 {
		fmt.Fprintf(&b, "\nand so on for %d more (rekey applications list)", len(foreign)-3)
	}
	fmt.Fprintf(&b, "\nor in PowerShell:\nNew-MgApplicationOwnerByRef -ApplicationId %s -BodyParameter @{'@odata.id'='%s/v1.0/directoryObjects/%s'}", foreign[0].ObjectID, graphHost, d.writer.principal)
	return b.String()
}
