package daemon

import (
	"errors"
	"fmt"
	"strings"
)

// Subscription is one of Azure whose resources are looked at.
type Subscription struct {
	ID         string `help:"id of the Azure subscription, a GUID"`
	Resources  bool   `help:"list its resources that have access keys: Event Grid topics, storage accounts, rules of Service Bus and Event Hubs, Cosmos DB accounts"`
	ReadValues bool   `help:"also read their keys, once a day, to recognise them in vaults by a keyed hash; they are not kept. Each reading is in the subscription's activity log"`
}

func (c *Config) checkSubscriptions() error {
	var errs []error
	seen := map[string]bool{}
	for i, s := range c.Subscriptions {
		id := strings.ToLower(s.ID)
		switch {
		case !guid.MatchString(s.ID):
			errs = append(errs, fmt.Errorf("entry %d of subscriptions: id %s is not a GUID; the Azure portal shows it under Subscriptions", i+1, show(s.ID)))
		case seen[id]:
			errs = append(errs, fmt.Errorf("entry %d of subscriptions: %s stands there twice", i+1, s.ID))
		case s.ReadValues && !s.Resources:
			errs = append(errs, fmt.Errorf("entry %d of subscriptions: readValues without resources reads nothing; set resources: true", i+1))
		}
		seen[id] = true
	}
	return errors.Join(errs...)
}
