package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

var _ connector.Gatekeeper = (*Directory)(nil)

// mostPages bounds a list: Graph lets an application have about a hundred owners.
const mostPages = 100

// Ways lists everybody who can act as the application: its credentials, those of
// its service principal, federated credentials, and the owners of both, who can
// add more. rekey itself is left out: as an owner it is how the rest is removed.
func (d *Directory) Ways(ctx context.Context, holder inventory.Application) ([]connector.Way, error) {
	self, err := d.self(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := d.pair(ctx, holder)
	if err != nil {
		return nil, err
	}
	list := []connector.Way{}
	for _, o := range objects {
		held, err := d.Credentials(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, c := range held {
			list = append(list, connector.Way{Object: o.ObjectID, Holder: o.Holder, Kind: c.Kind, ID: c.KeyID, Label: c.Label})
		}
		if o.Holder == inventory.InApplications {
			if list, err = d.more(ctx, list, o, "federatedIdentityCredentials", inventory.Federated); err != nil {
				return nil, err
			}
		}
		owned := len(list)
		if list, err = d.more(ctx, list, o, "owners", inventory.OwnerRight); err != nil {
			return nil, err
		}
		for i := owned; i < len(list); i++ {
			if self != "" && list[i].ID == string(self) {
				list = append(list[:i], list[i+1:]...)
				break
			}
		}
	}
	return list, nil
}

// pair is the holder, and the object on the other side of its client id: the
// service principal of an app registration, or the registration, if it is of
// this tenant.
func (d *Directory) pair(ctx context.Context, holder inventory.Application) ([]inventory.Application, error) {
	other := holder
	switch holder.Holder {
	case inventory.InApplications:
		other.Holder = inventory.InServicePrincipals
	case inventory.InServicePrincipals:
		other.Holder = inventory.InApplications
	default:
		return nil, fmt.Errorf("the directory holds no %s", holder.Holder)
	}
	if holder.ClientID == "" {
		return nil, fmt.Errorf("the client id of %q is not known", holder.Name)
	}
	var found struct {
		ID inventory.ObjectID `json:"id"`
	}
	path := rest.Path("v1.0", string(other.Holder)+"(appId='"+string(holder.ClientID)+"')") + "?$select=id"
	err := d.Graph.Get(ctx, path, &found)
	if errors.Is(err, connector.ErrNotFound) {
		return []inventory.Application{holder}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for %q among the %s: %w", holder.Name, other.Holder, err)
	}
	if found.ID == "" {
		return nil, fmt.Errorf("cannot look for %q among the %s: %w", holder.Name, other.Holder, rest.ErrTruncated)
	}
	other.ObjectID = found.ID
	return []inventory.Application{holder, other}, nil
}

// more appends one of an object's lists, page by page.
func (d *Directory) more(ctx context.Context, list []connector.Way, o inventory.Application, of string, kind inventory.Kind) ([]connector.Way, error) {
	path := rest.Path("v1.0", string(o.Holder), string(o.ObjectID), of)
	if kind == inventory.OwnerRight {
		path += "?$select=id,displayName,userPrincipalName"
	}
	for range mostPages {
		var page struct {
			Value []struct {
				ID        string `json:"id"`
				Name      string `json:"name"`
				Display   string `json:"displayName"`
				Principal string `json:"userPrincipalName"`
				Issuer    string `json:"issuer"`
				Subject   string `json:"subject"`
			} `json:"value"`
			Next string `json:"@odata.nextLink"`
		}
		if err := d.Graph.Get(ctx, path, &page); err != nil {
			return nil, fmt.Errorf("cannot read the %s of %q: %w", of, o.Name, err)
		}
		for _, v := range page.Value {
			if v.ID == "" {
				return nil, fmt.Errorf("cannot read the %s of %q: %w", of, o.Name, rest.ErrTruncated)
			}
			label := v.Display
			switch {
			case kind == inventory.Federated:
				label = v.Name + " for " + v.Subject + " at " + v.Issuer
			case v.Principal != "":
				label += " (" + v.Principal + ")"
			case label == "": // Graph hides people's names from who may not read users
				label = ownerName(o, v.ID)
			}
			list = append(list, connector.Way{Object: o.ObjectID, Holder: o.Holder, Kind: kind, ID: v.ID, Label: label})
		}
		if page.Next == "" {
			return list, nil
		}
		if err := d.Graph.Belongs(page.Next); err != nil {
			return nil, err
		}
		path = page.Next
	}
	return nil, fmt.Errorf("the %s of %q do not end after %d pages", of, o.Name, mostPages)
}

// ownerName is what the inventory knows of an owner.
func ownerName(o inventory.Application, id string) string {
	for _, known := range o.Owners {
		if string(known.ObjectID) == id && known.Mail != "" {
			return known.Name + " (" + known.Mail + ")"
		}
		if string(known.ObjectID) == id {
			return known.Name
		}
	}
	return ""
}

// Close ends one way: it removes the credential, the federated credential or the
// owner. The object itself stays.
func (d *Directory) Close(ctx context.Context, holder inventory.Application, w connector.Way) error {
	holder.ObjectID, holder.Holder = w.Object, w.Holder
	var path string
	switch w.Kind {
	case inventory.ClientSecret, inventory.Certificate:
		return d.Withdraw(ctx, holder, w.ID)
	case inventory.Federated:
		path = rest.Path("v1.0", string(w.Holder), string(w.Object), "federatedIdentityCredentials", w.ID)
	case inventory.OwnerRight:
		path = rest.Path("v1.0", string(w.Holder), string(w.Object), "owners", w.ID, "$ref")
	default:
		return fmt.Errorf("cannot remove %s of %q: rekey never removes a %s", w.ID, holder.Name, w.Kind)
	}
	err := d.Graph.Once(ctx, rest.Request{Method: http.MethodDelete, Path: path}, nil)
	if err == nil || errors.Is(err, connector.ErrNotFound) {
		return nil // gone, which is what was wanted
	}
	return fmt.Errorf("cannot remove the %s %s of %q: %w", w.Kind, w.ID, holder.Name, err)
}
