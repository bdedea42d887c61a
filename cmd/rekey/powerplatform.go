package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"rekey.example/rekey/api"
)

func powerPlatformCommand(s *session) *cobra.Command {
	var q api.GetPowerPlatformParams
	var client, out string
	c := &cobra.Command{
		Use:   "powerplatform --host NAME --client-id ID",
		Short: "Make the custom connector for Power Automate and Logic Apps",
		Long: `Writes the definition of a custom connector, as Microsoft's tool paconn takes it, and a
ready workflow that proposes the renewal of what comes near its end, asks a person, waits
for the decision and tells how it ended. Nothing in the files is secret.

docs/how-to/power-automate.md tells how to make the application that people sign in to.`,
		Example: `  rekey powerplatform --host rekey.contoso.com --client-id 4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77
  paconn create --api-def rekey-connector/apiDefinition.swagger.json --api-prop rekey-connector/apiProperties.json`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Host == "" || client == "" {
				return usage("say under which name the cloud reaches the server and whom people sign in to: --host NAME --client-id ID")
			}
			var err error
			if q.ClientID, err = uuid.Parse(client); err != nil {
				return usage("--client-id %s is no client id", client)
			}
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			raw, err := server.PowerPlatform(c.Context(), q)
			if err != nil {
				return err
			}
			names, err := unpack(raw, out)
			if err != nil {
				return err
			}
			for _, n := range names {
				s.say("wrote %s", n)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&q.Host, "host", "", "`NAME` under which the cloud reaches the server, such as rekey.contoso.com")
	f.StringVar(&client, "client-id", "", "client `ID` of the application that people sign in to")
	f.StringVar(&q.Resource, "resource", "", "what its tokens are for: `URI` (default api:// and the client id)")
	f.StringVar(&out, "out", "rekey-connector", "`FOLDER` to write to; files that are there stay")
	return c
}

// unpack writes the files of an archive into a folder and overwrites none.
func unpack(raw []byte, folder string) (names []string, err error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("cannot read the server's answer: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, f := range z.File {
		if err := unpackOne(root, f); err != nil {
			return names, fmt.Errorf("cannot write %s: %w", filepath.Join(folder, f.Name), err)
		}
		names = append(names, filepath.Join(folder, f.Name))
	}
	return names, nil
}

const largestFile = 4 << 20

func unpackOne(root *os.Root, f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("the file is there already; move it away or choose another folder with --out")
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, largestFile))
	return errors.Join(err, out.Close())
}
