package api

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

func TestPowerPlatformIsAnArchive(t *testing.T) {
	h := newHouse(t)
	raw, err := io.ReadAll(h.ask("user", "GET", "/v1/powerplatform?host=rekey.contoso.com&clientId=4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatalf("%v: %.200q", err, raw)
	}
	if len(z.File) != 7 {
		t.Errorf("%d files", len(z.File))
	}
	for _, host := range []string{"localhost", "https://x", "a/b"} {
		if p := refused(t, h.ask("user", "GET", "/v1/powerplatform?clientId=4f8c6f0e-32b1-4f8e-9a9b-0f0f3f6f1a77&host="+host, "")); p.Code != "invalid_request" {
			t.Errorf("%s: %+v", host, p)
		}
	}
}
