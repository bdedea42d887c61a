package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"rekey.example/rekey/internal/sim"
)

// TestNoSecretLeavesItsPlace runs a whole rotation and then looks for every
// secret of the pretended tenant, in every encoding it could hide in, in all that
// rekey wrote: its files, its database and write-ahead log, its output, its
// answers and exports (SAFETY T20).
func TestNoSecretLeavesItsPlace(t *testing.T) {
	var out, errs bytes.Buffer
	s := &session{in: strings.NewReader(""), out: &out, err: &errs, env: func(string) (string, bool) { return "", false }}
	s.flags.data, s.flags.output = t.TempDir(), "json"
	d := &demo{session: s, listen: "127.0.0.1:0", once: true}
	var values []string
	var places map[string][]byte
	d.before = func() { values = append(values, secretsOf(d.cloud)...) }
	d.after = func(ctx context.Context) {
		values = append(values, secretsOf(d.cloud)...)
		places = answers(t, ctx, d)
	}
	if err := d.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) < 50 {
		t.Fatalf("only %d secrets to look for; the harvest has lost its way", len(values))
	}
	places["stdout"], places["stderr"] = out.Bytes(), errs.Bytes()
	err := filepath.WalkDir(s.flags.data, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		places[name], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	searched := 0
	for place, text := range places {
		searched += len(text)
		for _, v := range values {
			for form, needle := range forms(v) {
				if bytes.Contains(text, needle) {
					t.Errorf("%s holds a secret (%s...) as %s", place, v[:3], form)
				}
			}
		}
	}
	t.Logf("%d secrets in %d forms not found in %d bytes of %d places", len(values), len(forms("x")), searched, len(places))
	if searched < 100_000 {
		t.Errorf("searched %d bytes only", searched)
	}
}

func TestTheCanaryWouldBeFound(t *testing.T) {
	const v = "cAn8Q~aRy-of.this_test~0123456789abcdefgh"
	for form, needle := range forms(v) {
		if len(needle) < 20 {
			t.Errorf("form %s is too short to mean anything: %q", form, needle)
		}
	}
	for pad := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + v + "tail"))
		if !slices.ContainsFunc([]string{"base64 0", "base64 1", "base64 2"}, func(f string) bool { return strings.Contains(text, string(forms(v)[f])) }) {
			t.Errorf("not found in base64 at offset %d", pad)
		}
	}
}

// secretsOf are all values that the pretended tenant now holds and that are long
// enough to be looked for.
func secretsOf(c *sim.Cloud) (values []string) {
	w := c.World()
	w.Read(func() {
		for _, a := range w.Directory.Applications {
			for _, p := range a.Passwords {
				values = append(values, p.Text)
			}
		}
		for _, v := range w.Azure.Vaults {
			for _, s := range v.Secrets {
				for _, version := range s.Versions {
					values = append(values, version.Value)
				}
			}
		}
		for _, r := range w.Azure.Resources {
			for _, k := range r.Keys {
				values = append(values, k.Value)
			}
		}
	})
	return slices.DeleteFunc(values, func(v string) bool { return len(v) < 20 || len(v) > 2000 })
}

// answers are what the API gives away to each of the people.
func answers(t *testing.T, ctx context.Context, d *demo) map[string][]byte {
	t.Helper()
	places := map[string][]byte{}
	for _, who := range []string{proposer, approver, auditor} {
		c, err := d.as(who)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Rotation(ctx, d.rotation)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		places["rotation as "+who] = b
		if who == proposer {
			continue
		}
		var export bytes.Buffer
		if err := c.ExportAudit(ctx, &export); err != nil {
			t.Fatal(err)
		}
		places["audit export as "+who] = export.Bytes()
	}
	return places
}

// forms are the encodings in which a value could hide.
func forms(v string) map[string][]byte {
	reversed := []byte(v)
	slices.Reverse(reversed)
	escaped, _ := json.Marshal(v) // a string always encodes
	f := map[string][]byte{
		"itself": []byte(v), "hex": []byte(hex.EncodeToString([]byte(v))), "HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(v)))),
		"url": []byte(url.QueryEscape(v)), "path": []byte(url.PathEscape(v)), "html": []byte(html.EscapeString(v)),
		"json": escaped[1 : len(escaped)-1], "reversed": reversed, "utf-16le": utf16Bytes(v, 0), "utf-16be": utf16Bytes(v, 1),
	}
	for pad := range 3 {
		// What a base64 text shows of the value, whatever stands before it:
		// the groups that hold nothing but its bytes.
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", pad) + v))
		first, last := (pad*8+5)/6, (pad+len(v))*8/6
		name := "base64 " + string(rune('0'+pad))
		f[name] = []byte(text[first:last])
		f[name+" url"] = bytes.NewBuffer(bytes.ReplaceAll(bytes.ReplaceAll(f[name], []byte("+"), []byte("-")), []byte("/"), []byte("_"))).Bytes()
	}
	return f
}

func utf16Bytes(v string, high int) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(v)) {
		pair := []byte{byte(u), byte(u >> 8)}
		b = append(b, pair[high], pair[1-high])
	}
	return b
}
