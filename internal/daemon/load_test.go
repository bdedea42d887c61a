package daemon

import (
	"testing"

	wire "rekey.example/rekey/api"
)

// BenchmarkReads is what the API costs, with some 10,000 credentials, through
// the client and back (SAFETY T47).
func BenchmarkReads(b *testing.B) {
	w := newTown(b, 5_000)
	w.sync()
	c := w.local()
	for name, read := range map[string]func() error{
		"me":     func() error { _, err := c.Me(b.Context()); return err },
		"status": func() error { _, err := c.Status(b.Context()); return err },
		"expiring": func() error {
			n := 0
			for _, err := range c.Credentials(b.Context(), wire.ListCredentialsParams{Expiring: "30d"}) {
				if err != nil {
					return err
				}
				if n++; n == 100 {
					break
				}
			}
			return nil
		},
		"one": func() error { _, err := c.Credential(b.Context(), w.tenant.Demo.KeyID); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
