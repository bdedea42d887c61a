package keyvault

import (
	"fmt"

	"rekey.example/rekey/internal/sim/world"
)

func (c *call) listSecrets() (a *answer, err error) {
	stale := c.strikes(world.StaleVault)
	c.w.Read(func() {
		shelf := c.secrets()
		a, err = c.page(shelf.names(), func(key string) (any, bool) {
			s, has := shelf.live[key]
			if !has || !shelf.shown(s) || len(s.Versions) == 0 {
				return nil, false
			}
			versions := known(s.Versions, stale)
			return c.secretItem(s, versions[len(versions)-1]), true
		})
	})
	return a, err
}

// listSecretVersions lists the oldest first.
func (c *call) listSecretVersions(name string) (a *answer, err error) {
	stale := c.strikes(world.StaleVault)
	c.w.Read(func() {
		var s *world.Secret
		if s, err = c.secrets().find(name); err != nil {
			return
		}
		versions := known(s.Versions, stale)
		a, err = c.page(positions(len(versions)), func(key string) (any, bool) {
			b := c.secretBundle(s, versions[position(key)])
			b.KID = ""
			return b, true
		})
	})
	return a, err
}

// positions are the keys of a list that goes by age.
func positions(n int) []string {
	keys := make([]string, n)
	for i := range n {
		keys[i] = fmt.Sprintf("%08d", i)
	}
	return keys
}

func position(key string) int {
	var i int
	_, _ = fmt.Sscanf(key, "%d", &i) // a key made by positions
	return i
}
