package main

import (
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/store"
)

func dbCommand(s *session) *cobra.Command {
	return family("db", "Look at the database, bring it up to date, move it",
		`These commands work on the database itself, not through a server: on rekey.db in the data
folder, or on the PostgreSQL that --database or the configuration names. An address takes
no password here; give it as PGPASSWORD or PGPASSFILE.`,
		dbStatus(s), dbMigrate(s), dbCopy(s))
}

func dbStatus(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Version, size, rows, replicas, and what could lose a commit",
		Long: `Says which database it is, the version of its tables, how many rows each has, which replicas
share it, and on PostgreSQL which settings could lose an acknowledged commit. Nothing is
changed.`,
		Example: `  rekey db status
  rekey db status --database postgres://rekey@db.contoso.com/rekey -o json`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := s.load(nil)
			if err != nil {
				return err
			}
			d, err := daemon.LookAtDatabase(c.Context(), l.Config)
			if err != nil {
				return err
			}
			return s.tell(d, func(p *sheet) { tellDatabase(p, d) })
		},
	}
}

func tellDatabase(p *sheet, d daemon.Database) {
	p.fact("Database", "%s (%s)", d.Address, d.Kind)
	p.fact("Tables", "version %d; this program has %d", d.Schema, d.Newest)
	p.fact("Size", "%s kB", thousands(int(d.Bytes/1024)))
	p.fact("Installation", "%s", d.Installation)
	if d.Moved != "" {
		p.fact("Moved", "to %s; do not use this one any more", d.Moved)
		p.moment("On", d.MovedAt)
	}
	if d.System != "" {
		p.fact("Cluster", "%s, timeline %s", d.System, d.Timeline)
	}
	for _, w := range d.Problems {
		p.fact("Problem", "%s", w)
	}
	replicas := &table{columns: []column{{name: "id", title: "Replica"}, {name: "host", title: "Host", cut: true}, {name: "alive", title: "Alive"}, {name: "seen", title: "Seen"}}}
	for _, r := range d.Replicas {
		replicas.add(r.ID, r.Host, r.Alive, r.Seen)
	}
	p.table("Replicas", replicas)
	rows := &table{columns: []column{{name: "name", title: "Table"}, {name: "rows", title: "Rows"}}}
	for _, t := range d.Tables {
		rows.add(t.Name, thousands(int(t.Rows)))
	}
	p.table("Rows", rows)
}

func dbMigrate(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the tables up to date",
		Long: `Makes the tables, or changes them to those of this program. rekey serve does the same at its
start; use this where serve runs with --no-migrate, as a user who may not change tables.
Make a backup first: there is no way back but that.`,
		Example: `  rekey db migrate
  rekey db migrate --database postgres://owner@db.contoso.com/rekey`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := s.load(nil)
			if err != nil {
				return err
			}
			before, after, err := daemon.MigrateDatabase(c.Context(), l.Config)
			if err != nil {
				return err
			}
			return s.tell(map[string]int64{"before": before, "after": after}, func(p *sheet) {
				if before == after {
					p.line("The tables were up to date: version %d.", after)
					return
				}
				p.line("The tables are up to date: version %d, before %d.", after, before)
			})
		},
	}
}

func dbCopy(s *session) *cobra.Command {
	var to, file string
	c := &cobra.Command{
		Use:   "copy --to ADDRESS",
		Short: "Move the whole installation to another database",
		Long: `Copies everything to an empty database: from SQLite to PostgreSQL, or back into a file. Stop
rekey serve first. One consistent state is read; it is written in one transaction, so the
target has all of it or nothing, and after a failure the same command begins anew. Each
table's rows are counted and compared by a checksum before the commit, and the audit log
is verified in the copy.

The old database stays as it is, but for a mark: rekey refuses to start on it. The keyring
moves too: into PostgreSQL, or to keyring.json beside a file. The master key stays where it
is; the new database needs the same one.`,
		Example: `  rekey db copy --to postgres://rekey@db.contoso.com/rekey
  rekey db copy --to-file /run/secrets/new-database
  rekey db copy --database postgres://rekey@db.contoso.com/rekey --to /var/lib/rekey/rekey.db`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			to, err := target(to, file)
			if err != nil {
				return err
			}
			l, err := s.load(nil)
			if err != nil {
				return err
			}
			shown := s.progress()
			report, err := daemon.CopyDatabase(c.Context(), l.Config, to, func(table string, rows int64) {
				shown.at("%s: %s", table, plural(int(rows), "row"))
			})
			shown.done()
			if err != nil {
				return err
			}
			return s.tell(report, func(p *sheet) { tellCopy(p, report) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "`ADDRESS` of the new database: postgres://USER@HOST/NAME, or the name of a file for SQLite")
	c.Flags().StringVar(&file, "to-file", "", "`FILE` that holds the address, for one with a password")
	return c
}

// target is where to copy to, from one of the two flags.
func target(to, file string) (string, error) {
	if (to == "") == (file == "") {
		return "", usage("rekey db copy needs --to or --to-file").next("for example --to postgres://rekey@db.contoso.com/rekey")
	}
	if file == "" {
		return to, plainAddress("--to", to)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", usage("cannot read --to-file: %v", err)
	}
	to = strings.TrimSpace(string(raw))
	if to == "" || strings.ContainsAny(to, "\r\n") {
		return "", usage("--to-file does not hold one line with an address")
	}
	return to, nil
}

// plainAddress refuses a password among the arguments: other users of the
// machine can read those.
func plainAddress(flag, address string) error {
	if !strings.Contains(address, "://") {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || !store.IsPostgres(address) {
		return usage("%s is not of the form postgres://USER@HOST/NAME", flag)
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return usage("%s has a password in it, which other users of this machine can read", flag).next("give it as PGPASSWORD or PGPASSFILE, or the whole address as REKEY_DATABASE_FILE")
	}
	return nil
}

func tellCopy(p *sheet, report daemon.DatabaseCopy) {
	var rows int64
	t := &table{columns: []column{{name: "name", title: "Table"}, {name: "rows", title: "Rows"}, {name: "sum", title: "Checksum", cut: true}}}
	for _, c := range report.Tables {
		rows += c.Rows
		t.add(c.Table, thousands(int(c.Rows)), c.Sum)
	}
	p.line("%s in %d tables are in %s, equal in number and checksum.", plural(int(rows), "row"), len(report.Tables), report.To)
	p.line("The audit log was verified there: %s.", plural(int(report.Events), "event"))
	p.line("The old database is marked as moved. Set database in rekey.yaml, or REKEY_DATABASE, to the new one.")
	p.table("Tables", t)
}

// elsewhere explains why a process may not work on its database.
func elsewhere(err error) (what, hint string, ok bool) {
	if e, is := errors.AsType[*replica.MovedError](err); is {
		return e.Error(), "use the new one: --database " + e.To + ", or database in rekey.yaml\nif that copy was given up for good: rekey serve --force", true
	}
	if e, is := errors.AsType[*replica.CloneError](err); is {
		return e.Error(), "docs/how-to/many-machines.md says what each replica needs", true
	}
	switch {
	case errors.Is(err, replica.ErrOtherKeyring):
		return err.Error(), "docs/how-to/many-machines.md says what all replicas share", true
	case errors.Is(err, replica.ErrReplaced), errors.Is(err, daemon.ErrInUse), errors.Is(err, daemon.ErrNotEmpty), errors.Is(err, store.ErrOlder):
		return err.Error(), "", true
	}
	return "", "", false
}
