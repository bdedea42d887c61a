// Package powerplatform makes the custom connector that Power Automate and Logic
// Apps reach rekey's API with, and ready workflows that use it.
//
// The connector's definition is OpenAPI 2.0 and is made from the API's own
// description, so the two cannot differ. It has one trigger and a few actions: a
// maker looks at a list of seven, not of seventy. People sign in with Entra, and
// what a flow does it does in the name of whoever made its connection; an approval
// still needs another person than the proposal.
//
// The form of the files is that of Microsoft's paconn tool:
// https://learn.microsoft.com/connectors/custom-connectors/paconn-cli
package powerplatform

import (
	"archive/zip"
	"bytes"
	_ "embed" // the icon
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config says for which server and which application in Entra the files are.
type Config struct {
	Host     string // name, or name:port, under which the cloud reaches the server; always with TLS
	Tenant   string // id of the tenant that people sign in to
	ClientID string // application that people sign in to
	Resource string // identifier that its tokens are for; empty means api:// and the client id
}

//go:embed icon.png
var icon []byte

// Files are the files by their names.
func Files(c Config) (map[string][]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	definition, err := Definition(c)
	if err != nil {
		return nil, err
	}
	all := map[string]any{
		"apiDefinition.swagger.json": definition, "apiProperties.json": properties(c), "settings.json": settings(),
		"power-automate.flow.json": flow(), "logic-apps.workflow.json": workflow(c),
	}
	files := map[string][]byte{"icon.png": icon, "README.md": []byte(readme)}
	for name, v := range all {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", name, err)
		}
		files[name] = out.Bytes()
	}
	return files, nil
}

// Zip is the files in one archive, in a fixed order and without a date, so that
// the same configuration makes the same bytes.
func Zip(c Config) ([]byte, error) {
	files, err := Files(c)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil { // it writes the directory
		return nil, err
	}
	return out.Bytes(), nil
}

var names = []string{
	"README.md", "apiDefinition.swagger.json", "apiProperties.json", "settings.json", "icon.png", "power-automate.flow.json", "logic-apps.workflow.json",
}

// ErrHost means that the cloud cannot reach a server of this name.
var ErrHost = errors.New("the host has to be a name that the cloud can reach, such as rekey.contoso.com: no scheme, no path, no address of this machine")

func (c Config) check() error {
	u, err := url.Parse("https://" + c.Host)
	if err != nil || u.Host != c.Host || u.Hostname() == "" || strings.ContainsAny(c.Host, "/?#@ \\") {
		return ErrHost
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		return ErrHost
	}
	return nil
}

func (c Config) resource() string {
	if c.Resource != "" {
		return c.Resource
	}
	return "api://" + c.ClientID
}

const readme = `# rekey for Power Automate and Logic Apps

- apiDefinition.swagger.json, apiProperties.json, settings.json, icon.png: the custom connector.
  paconn create --api-def apiDefinition.swagger.json --api-prop apiProperties.json --icon icon.png --secret CLIENT_SECRET
  or import the definition in Power Automate under Custom connectors.
- power-automate.flow.json, logic-apps.workflow.json: the definition of a workflow that proposes the renewal of
  whatever comes near its end, asks a person, waits for the decision and tells how it ended.

docs/how-to/power-automate.md in the project tells every step.
`
