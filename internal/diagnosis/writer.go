package diagnosis

import (
	"cmp"
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
	d.renewable = list
	d.owns(name, "applications", owned, of(list, inventory.InApplications), d.own)
	if principals := of(list, inventory.InServicePrincipals); len(principals) > 0 {
		d.owns(name+" of service principals", "service principals", owned, principals, d.ownPrincipals)
	}
}

// of are those that are kept in one place. An application's place may be unsaid.
func of(list []inventory.Application, kind inventory.HolderKind) (some []inventory.Application) {
	for _, a := range list {
		if cmp.Or(a.Holder, inventory.InApplications) == kind {
			some = append(some, a)
		}
	}
	return some
}

func (d *doctor) owns(name, what string, owned map[string]bool, list []inventory.Application, cure func([]inventory.Application) string) {
	var foreign []inventory.Application
	for _, a := range list {
		if !owned[string(a.ObjectID)] {
			foreign = append(foreign, a)
		}
	}
	switch {
	case len(list) == 0:
		d.ok(name, "the writer owns %d objects; none of the %s with a credential is known yet (rekey sync)", len(owned), what)
	case len(foreign) == 0:
		d.ok(name, "the writer owns all %d %s with credentials", len(list), what)
	default:
		d.warn(name, cure(foreign), "the writer owns %d of %d %s with credentials; the other %d can be watched, not renewed", len(list)-len(foreign), len(list), what, len(foreign))
	}
}

// ownPrincipals is own for service principals.
func (d *doctor) ownPrincipals(foreign []inventory.Application) string {
	var b strings.Builder
	b.WriteString("make the writer an owner of those it should renew:")
	for _, a := range foreign[:min(3, len(foreign))] {
		fmt.Fprintf(&b, "\naz rest --method post --uri '%s/v1.0/servicePrincipals/%s/owners/$ref' --headers Content-Type=application/json --body '{\"@odata.id\":\"%[1]s/v1.0/directoryObjects/%[3]s\"}'", graphHost, a.ObjectID, d.writer.principal)
	}
	if len(foreign) > 3 {
		fmt.Fprintf(&b, "\nand so on for %d more (rekey applications list)", len(foreign)-3)
	}
	fmt.Fprintf(&b, "\nor in PowerShell:\nNew-MgServicePrincipalOwnerByRef -ServicePrincipalId %s -BodyParameter @{'@odata.id'='%s/v1.0/directoryObjects/%s'}", foreign[0].ObjectID, graphHost, d.writer.principal)
	return b.String()
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
