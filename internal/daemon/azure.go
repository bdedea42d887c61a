package daemon

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/connector/azurekeys"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
)

const managerHost = "management.azure.com"

// manager is the wire to Azure Resource Manager as one of our identities.
func (s *surroundings) manager(as azcore.TokenCredential) (*rest.Client, error) {
	return rest.New(rest.Config{Base: "https://" + managerHost, Transport: s.wire, Credential: as, Scope: "https://" + managerHost + "/.default"})
}

// accessKeys renews and proves the keys of resources, as the writer.
func (s *surroundings) accessKeys() (*azurekeys.Keys, error) {
	c, err := s.manager(s.writer)
	if err != nil {
		return nil, err
	}
	return &azurekeys.Keys{ARM: c, Wire: s.wire}, nil
}

// resourceFeeds list the resources that have access keys, a feed for each
// subscription.
func (s *surroundings) resourceFeeds() ([]inventory.Feed, error) {
	var list []inventory.Feed
	for _, sub := range s.subscriptions {
		if !sub.Resources {
			continue
		}
		c, err := s.manager(s.reader)
		if err != nil {
			return nil, err
		}
		f := &azurekeys.Feed{ARM: c, Subscription: sub.ID}
		if sub.ReadValues {
			f.Values = s.ring.Values
		}
		list = append(list, f)
	}
	return list, nil
}

// readResources reads each subscription. One that cannot be read keeps no other
// from being read.
func (s *surroundings) readResources(ctx context.Context, syncer *inventory.Syncer, by access.Actor, full bool) error {
	feeds, err := s.resourceFeeds()
	failed := []error{err}
	for _, f := range feeds {
		if _, err := syncer.Directory(ctx, by, full, f); err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}
