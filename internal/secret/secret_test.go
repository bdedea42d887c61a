package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"gopkg.in/yaml.v3"

	"rekey.example/rekey/internal/secret"
)

const canary = "cAn8Q~aRy-of.this_test~0123456789abcdefgh"

func TestNoPathPrintsAValue(t *testing.T) {
	v := secret.New(canary)
	type holder struct {
		V secret.Value
		P *secret.Value
	}
	type hidden struct {
		v secret.Value
		p *secret.Value
		h holder
	}
	h := holder{v, &v}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%b", "%o", "%08.3f", "%p"} {
		fmt.Fprintf(&out, verb+"\n", v)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", hidden{v, &v, h})
	}
	fmt.Fprintln(&out, v, &v, h, []secret.Value{v}, map[string]secret.Value{"a": v}, errors.Join(fmt.Errorf("bad %v", v)))
	json.NewEncoder(&out).Encode(h)
	json.NewEncoder(&out).Encode(map[string]any{"v": v})
	yaml.NewEncoder(&out).Encode(h)
	gob.NewEncoder(&out).Encode(h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v, "h", h, "p", &v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v, "h", h, "p", &v)
	template.Must(template.New("").Parse("{{.V}} {{.P}} {{printf \"%s\" .V}}")).Execute(&out, h)

	hex := fmt.Sprintf("%x", canary)
	for _, form := range []string{canary, canary[:8], hex, strings.ToUpper(hex), fmt.Sprint([]byte(canary)[:4])[1:12]} {
		if strings.Contains(out.String(), form) {
			t.Errorf("output shows %q:\n%s", form, out.String())
		}
	}
}

func TestDecodingErrorDoesNotQuoteTheValue(t *testing.T) {
	var v secret.Value
	err := json.Unmarshal([]byte(`{"`+canary+`":1}`), &v)
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v, want an error without the value", err)
	}
}

func TestWhatAValueTells(t *testing.T) {
	v, none := secret.New(canary), secret.Value{}
	if v.IsZero() || v.Len() != len(canary) || !none.IsZero() || none.Len() != 0 || none.Reveal() != "" || none.Equal(v) {
		t.Error("length or emptiness is wrong")
	}
	text, errText := v.MarshalText()
	binary, errBinary := v.MarshalBinary()
	for _, shown := range []string{v.String(), v.GoString(), string(text), string(binary)} {
		if shown == "" || strings.Contains(shown, canary[:3]) {
			t.Errorf("%q", shown)
		}
	}
	var read secret.Value
	if err := errors.Join(errText, errBinary, json.Unmarshal([]byte(`"`+canary+`"`), &read)); err != nil || !read.Equal(v) {
		t.Errorf("%v", err)
	}
	v.Zero()
	if !v.IsZero() {
		t.Error("it still holds something")
	}
}

func TestHint(t *testing.T) {
	for in, want := range map[string]string{canary: "cAn", "short": "", "äöü4567890123456": "äöü"} {
		if got := secret.New(in).Hint(); got != want {
			t.Errorf("Hint(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSealedValueOpensOnlyInItsRow(t *testing.T) {
	ring, err := secret.OpenKeyring(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := ring.Sealer.Seal("rotation/t/1", secret.New(canary))
	if got, err := ring.Sealer.Open("rotation/t/1", sealed); err != nil || !got.Equal(secret.New(canary)) {
		t.Fatalf("own row: %v", err)
	}
	if _, err := ring.Sealer.Open("rotation/t/2", sealed); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("other row: got %v, want ErrSealed", err)
	}
	for i := range sealed {
		changed := []byte(sealed)
		changed[i] ^= 1
		if _, err := ring.Sealer.Open("rotation/t/1", string(changed)); err == nil {
			t.Errorf("character %d changed: opened", i)
		}
	}
}

func TestKeyringComesBackAndRefusesTheWrongMaster(t *testing.T) {
	dir := t.TempDir()
	a, err := secret.OpenKeyring(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := a.Sealer.Seal("x", secret.New(canary))
	b, err := secret.OpenKeyring(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sealer.Open("x", sealed); err != nil {
		t.Error(err)
	}
	if a.Values.Fingerprint(secret.New(canary)) != b.Values.Fingerprint(secret.New(canary)) {
		t.Error("fingerprints differ after reopening")
	}

	master := filepath.Join(dir, "master.key")
	if err := os.Chmod(master, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.OpenKeyring(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable master key: got %v, want advice", err)
	}
	os.Remove(master)
	if _, err := secret.OpenKeyring(dir, ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing master key: got %v, want ErrNotExist", err)
	}
	if _, err := secret.OpenKeyring(t.TempDir(), master); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.OpenKeyring(dir, ""); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("foreign master key: got %v, want ErrSealed", err)
	}
}
