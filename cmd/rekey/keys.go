package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/secret"
)

func keysCommand(s *session) *cobra.Command {
	return family("keys", "The keys that values are sealed under",
		`Values that rekey keeps are sealed under a sealing key, the sealing keys under the master
key, and the master key is kept elsewhere: in a file, in somebody's memory as a passphrase,
or in a PKCS#11 token. docs/reference/custody.md tells more.`,
		keysStatus(s), keysRotate(s), keysChangeMaster(s))
}

func keysStatus(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show which sealing keys there are, and how much each has sealed",
		Long: `Shows where the master key comes from, which sealing keys there are, and how many values
each has sealed. More than one means that the key is being exchanged: an old one goes when
nothing needs it any more.`,
		Example: `  rekey keys status
  rekey keys status -o json --query resealing`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			found, err := server.Keys(c.Context())
			if err != nil {
				return err
			}
			return s.showKeys(found)
		},
	}
}

func (s *session) showKeys(k api.KeyStatus) error {
	return s.tell(k, func(p *sheet) {
		p.fact("Master key", "%s", k.Source)
		if k.Shared {
			p.fact("Keyring", "in the database, for all replicas")
		} else {
			p.fact("Keyring", "%s in the data folder", secret.KeyringFile)
		}
		for _, key := range k.Keys {
			what := fmt.Sprintf("%s values", thousands(key.Values))
			if key.Current {
				what += ", seals what is new"
			}
			if !key.Made.IsZero() {
				what += ", made " + key.Made.Format(time.DateOnly)
			}
			p.fact("Key "+key.ID, "%s", what)
		}
		if k.Resealing > 0 {
			p.fact("To seal again", "%s values", thousands(k.Resealing))
		}
	})
}

func keysRotate(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Seal everything again under a new key",
		Long: `Makes a new sealing key, which seals whatever is new from now on, and seals again what
older keys have sealed, a few values at a time. The command waits for that; if it is
stopped, or killed, whoever works on the data folder next goes on. An old key is dropped
when nothing needs it any more: by a server about an hour later, else by a later rekey keys
status.

A copy of the database from before needs the keyring from before: keep them together.`,
		Example: `  rekey keys rotate
  rekey keys rotate --server https://rekey.contoso.com`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			now, err := server.RotateKeys(c.Context())
			if err != nil {
				return err
			}
			if now, err = s.resealed(c.Context(), server, now); err != nil {
				return err
			}
			return s.showKeys(now)
		},
	}
}

// patience is how long nothing may have moved before a command stops waiting.
const patience = 2 * time.Minute

// resealed waits until every value is sealed under the current key.
func (s *session) resealed(ctx context.Context, server *client.Client, now api.KeyStatus) (api.KeyStatus, error) {
	for left, since := now.Resealing, time.Now(); now.Resealing > 0; {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return now, ctx.Err()
		}
		var err error
		if now, err = server.Keys(ctx); err != nil {
			return now, err
		}
		if now.Resealing < left {
			left, since = now.Resealing, time.Now()
		}
		if time.Since(since) > patience {
			return now, failure(exitPartial, "%s values are still sealed under an old key", thousands(left)).
				next("the log of the server says which do not open; the old key stays until they are gone, and everything else is sealed under the new one")
		}
	}
	return now, nil
}

func keysChangeMaster(s *session) *cobra.Command {
	var to, file, key string
	c := &cobra.Command{
		Use:   "change-master --to SOURCE",
		Short: "Seal the keyring under another master key",
		Long: `Seals the keyring under another master key: one in a file, a passphrase, or a key in a
PKCS#11 token. Sealed values are not touched, and nothing is lost if it is interrupted.
It works on the data folder, so a server that uses it is to be stopped first.

file: a new key in place of the one in masterKeyFile, or, with --file, the one in that file,
which is made if it is missing. passphrase: asked for twice in a terminal, else from
REKEY_NEW_MASTER_PASSPHRASE or the file that REKEY_NEW_MASTER_PASSPHRASE_FILE names; it is
never an argument. pkcs11: the key with the label --key, or masterKey.key, in the token that
masterKey.module and masterKey.token name; made there if it is missing.

A backup of the keyring from before still opens with the former master key. If that is in
wrong hands, change the master key, then rekey keys rotate, then the credentials themselves.`,
		Example: `  rekey keys change-master --to file
  rekey keys change-master --to passphrase
  rekey keys change-master --to pkcs11 --key rekey-2027`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(secret.Sources, secret.Source(to)) {
				return usage("--to %q is not file, passphrase or pkcs11", to).next("usage: " + c.UseLine())
			}
			return s.changeMaster(c.Context(), secret.Source(to), file, key)
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "where the new master key comes from, `SOURCE`: file, passphrase, pkcs11")
	f.StringVar(&file, "file", "", "`FILE` of the new master key (default masterKeyFile of the configuration)")
	f.StringVar(&key, "key", "", "`LABEL` of the key in the token (default masterKey.key of the configuration)")
	_ = c.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(words(secret.Sources), cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

func (s *session) changeMaster(ctx context.Context, source secret.Source, file, key string) error {
	if name, _ := s.env("REKEY_SERVER"); s.flags.server != "" || name != "" {
		return usage("the master key is changed on the machine that has it, not through a server").next("run it there, without --server and REKEY_SERVER, while the server is stopped")
	}
	loaded, err := s.load(nil)
	if err != nil {
		return err
	}
	next := loaded.Config.Custody()
	next.Source, next.Passphrase = source, s.newPassphrase
	if file != "" {
		next.File = file
	}
	if key != "" {
		next.Token.Key = key
	}
	d, err := s.open(ctx, loaded.Config)
	if err != nil {
		if what, _, ok := locked(err); ok {
			return failure(exitConflict, "%s", what).next("stop it first: the master key is changed by one process alone")
		}
		return err
	}
	was := d.MasterSource()
	if err := d.ChangeMaster(ctx, next); err != nil {
		return err
	}
	s.say("The keyring is sealed under the new master key.")
	s.after(loaded.Config.MasterKey.Source, was, next, file)
	return nil
}

// after says what is left to do for the person who changed the master key.
func (s *session) after(configured string, was secret.Source, now secret.Custody, file string) {
	if configured != "" && configured != string(now.Source) {
		s.say("Set masterKey.source to %s, or leave it out: the keyring says itself what it is sealed under.", now.Source)
	}
	if now.Source == secret.FromFile && file != "" {
		s.say("Set masterKeyFile to %s. Without that file nothing sealed opens: keep a copy where the backups are not.", file)
	}
	if now.Source == secret.FromPassphrase {
		s.say("Without the passphrase nothing sealed opens, and nobody can tell it again.")
	}
	if was == secret.FromFile && (now.Source != secret.FromFile || file != "") {
		s.say("The former key file opens older copies of the keyring only. Keep it with those, or destroy it.")
	}
}

// words are the names of sources.
func words(list []secret.Source) (names []string) {
	for _, s := range list {
		names = append(names, string(s))
	}
	return names
}

var errTwoPassphrases = errors.New("the two passphrases differ; nothing was changed")

// noPassphrase says how to give one where nobody can be asked.
func noPassphrase(variable string) *problem {
	return failure(exitUsage, "a passphrase is needed, and there is no terminal to ask for it").
		next("name a file that holds it in " + variable + "_FILE, or set " + variable)
}
