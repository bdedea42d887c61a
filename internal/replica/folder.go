package replica

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rekey.example/rekey/internal/secret"
)

// FileName is what says, in a data folder, which replica it is. It is made at
// the first start, and not to be copied to another replica.
const FileName = "replica.json"

type note struct {
	Replica string `json:"replica"`
}

// ID is the id of the data folder, which is made if it has none.
func ID(folder string) (string, error) {
	name := filepath.Join(folder, FileName)
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return makeID(name)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read which replica this is: %w", err)
	}
	var n note
	if len(raw) > 4096 || json.Unmarshal(raw, &n) != nil || n.Replica == "" {
		return "", fmt.Errorf("cannot read which replica this is: %s is damaged; remove it, and a new one is made", name)
	}
	return n.Replica, nil
}

func makeID(name string) (string, error) {
	n := note{Replica: "r-" + strings.ToLower(rand.Text()[:12])}
	raw, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("cannot name this replica: %w", err)
	}
	if err := secret.WriteFile(name, append(raw, '\n')); err != nil {
		return "", fmt.Errorf("cannot name this replica: %w", err)
	}
	return n.Replica, nil
}
