package api_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedCodeIsThatOfTheDescription runs the generator again and compares.
// Whoever has changed openapi.yaml runs: go generate ./api ./client ./internal/server/api
func TestGeneratedCodeIsThatOfTheDescription(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(t.TempDir(), "oapi-codegen")
	build := exec.Command("go", "build", "-o", tool, "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen")
	build.Dir = filepath.Join(root, "tools")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the generator cannot be built: %v\n%s", err, out)
	}
	for _, file := range []string{"api/types.gen.go", "client/raw.gen.go", "internal/server/api/routes.gen.go"} {
		folder := filepath.Join(root, filepath.Dir(file))
		config, err := os.ReadFile(filepath.Join(folder, "oapi-codegen.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		fresh := filepath.Join(t.TempDir(), "fresh.yaml") // without "output:" it prints
		if err := os.WriteFile(fresh, bytes.Replace(config, []byte("output: "+filepath.Base(file)+"\n"), nil, 1), 0o600); err != nil {
			t.Fatal(err)
		}
		generate := exec.Command(tool, "-config", fresh, filepath.Join(root, "api", "openapi.yaml"))
		generate.Dir = folder
		want, err := generate.Output()
		if err != nil {
			t.Fatalf("cannot generate %s: %v", file, err)
		}
		have, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what the description generates; run: go generate ./api ./client ./internal/server/api", file)
		}
	}
}
