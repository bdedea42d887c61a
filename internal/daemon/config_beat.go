package daemon

// Beat is where rekey tells, outside of its database, how far it has come. A
// restored or copied installation is recognised by it.
type Beat struct {
	Vault string // a Key Vault of vaults; empty: only the data folder
}
