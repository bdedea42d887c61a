package ui

import "rekey.example/rekey/internal/access"

// pages lists every page: its address, what one has to be allowed to see it, and who
// makes it. The API asks for the right again; here it decides which answer is given.
func (c *Console) pages() []route {
	return []route{
		{"GET /{$}", access.ReadInventory, c.home},
		{"GET /credentials", access.ReadInventory, c.credentials},
		{"GET /credentials/export", access.ReadInventory, c.export},
		{"POST /credentials/views", access.KeepView, c.keepView},
		{"GET /credentials/{id}", access.ReadInventory, c.credential},
		{"GET /applications", access.ReadInventory, c.applications},
		{"GET /applications/{id}", access.ReadInventory, c.application},
		{"GET /vaults", access.ReadVaults, c.vaults},
		{"GET /vaults/{vault}", access.ReadVaults, c.vault},
		{"GET /consumers", access.ReadInventory, c.consumers},
		{"GET /consumers/one", access.ReadInventory, c.consumer},
		{"GET /help", access.ReadInventory, c.help},
	}
}
