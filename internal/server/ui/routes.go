package ui

import "rekey.example/rekey/internal/access"

// pages lists every page: its address, what one has to be allowed to see it, and who
// makes it. The API asks for the right again; here it decides which answer is given.
func (c *Console) pages() []route {
	return []route{
		{"GET /{$}", access.ReadInventory, c.home},
		{"GET /help", access.ReadInventory, c.help},
	}
}
