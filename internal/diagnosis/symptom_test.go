package diagnosis

import (
	"strings"
	"testing"
)

func TestEverySymptomIsWhole(t *testing.T) {
	list := Symptoms()
	if len(list) < 80 {
		t.Errorf("only %d symptoms", len(list))
	}
	codes := map[string]string{}
	for _, s := range list {
		if s.Link != "" && s.Link.place() < 0 {
			t.Errorf("%s: no link %q", s.Name, s.Link)
		}
		if len(s.Codes)+len(s.Phrases) == 0 || s.Meaning == "" || !strings.HasPrefix(s.Source, "https://") {
			t.Errorf("%s lacks a code or phrase, its meaning or its source", s.Name)
		}
		if len(s.Causes) == 0 && s.Cure == "" {
			t.Errorf("%s has neither causes nor a cure", s.Name)
		}
		for _, c := range s.Causes {
			if _, ok := faults[c]; !ok {
				t.Errorf("%s: no cause %q", s.Name, c)
			}
		}
		for _, c := range s.Codes {
			if other := codes[c]; other != "" {
				t.Errorf("%s stands for %s and %s", c, other, s.Name)
			}
			codes[c] = s.Name
			p := Read("something " + c + ": went wrong")
			found := recognise(p)
			if len(found) == 0 || found[0].Name != s.Name {
				t.Errorf("%s is not recognised in a text: %v", c, p.Codes)
			}
		}
		for _, phrase := range s.Phrases {
			found := recognise(Pasted{Text: strings.ReplaceAll(phrase, " ... ", " x ")})
			ok := false
			for _, f := range found {
				ok = ok || f.Name == s.Name
			}
			if !ok {
				t.Errorf("%s: its phrase %q is not recognised", s.Name, phrase)
			}
		}
	}
	for name, f := range faults {
		if f.title == "" || f.cure == "" {
			t.Errorf("%s lacks its title or its cure", name)
		}
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	for _, code := range Codes() {
		if c, ok := Explain(code); !ok || c.Meaning == "" || c.Cure == "" || blank.MatchString(c.Cure) {
			t.Errorf("%s: %+v, %v", code, c, ok)
		}
	}
	if _, ok := Explain("AADSTS1"); ok {
		t.Error("a code that is none is explained")
	}
}

func TestSecretsOfAPastedTextAreBlackedOut(t *testing.T) {
	const entra = "abc8Q~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcWd"
	const key = "kq3Zt1m0bX9vJc5yP8dLw2sRf7hNgT4uEaQoIiUyVxA="
	jwt := "eyJhbGciOiJub25lIn0." + strings.Repeat("eyJhIjoiYiJ9", 3) + ".c2ln"
	for _, text := range []string{
		"client_secret=" + entra + "&grant_type=client_credentials",
		`{"client_secret":"` + entra + `"}`,
		"secret was " + entra + " and is refused",
		"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=" + key,
		"aeg-sas-key: " + key,
		"Authorization: Bearer " + jwt,
		"az login --service-principal -u id -p " + entra,
		"AZURE_CLIENT_SECRET='" + entra + "'",
		"<password>" + entra + "</password>",
		`{\"clientSecret\":\"` + entra + `\"}`,
		"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----",
		"https://prod-1.westeurope.logic.azure.com/workflows/x?sig=" + strings.Repeat("aB3", 14),
		"PASSWORD=hunter2hunter2",
	} {
		p := Read(text)
		for _, value := range []string{entra, key, jwt, "MIIEvQIBADANBgkq", strings.Repeat("aB3", 14), "hunter2"} {
			if strings.Contains(text, value) && strings.Contains(p.Text, value) {
				t.Errorf("%q became %q", text, p.Text)
			}
		}
		if p.Facts.Masked == 0 {
			t.Errorf("%q: nothing was counted", text)
		}
	}
	p := Read("client_secret=" + strings.ReplaceAll(entra, "~", "%7E") + "&grant_type=client_credentials&client_id=x")
	if s := p.Facts.Shape; s.Hint != "abc" || s.Length != 40 || s.Encoded {
		t.Errorf("a value in a form body is %+v", s)
	}
	p = Read(`"client_secret": "` + strings.ReplaceAll(entra, "~", "%7E") + `"`)
	if s := p.Facts.Shape; !s.Encoded {
		t.Errorf("an encoded value in JSON is %+v", s)
	}
}

func TestHarmlessTextIsLeftAlone(t *testing.T) {
	for _, text := range []string{
		"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID",
		"Unable to get secret from Key Vault DNS: https://kv.vault.azure.net/ Secret name: topic-key",
		"AADSTS7000215 Trace ID: 5a1f0f2e-3f0b-4a0e-9a55-1f2b7f2d0100",
	} {
		if p := Read(text); p.Text != text || p.Facts.Masked != 0 {
			t.Errorf("%q became %q", text, p.Text)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"AADSTS7000215: x client_secret=abc", "<html><p>&#39;", `{"error_codes":[90002]}`, "\xff\xfeA\x00", "https://kv.vault.azure.net/secrets/a/0123456789abcdef0123456789abcdef", "-----BEGIN PRIVATE KEY-----"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Read(text)
		if len(p.Codes) > 100 || len(p.Text) > 8*LongestPaste {
			t.Errorf("%d codes, %d bytes", len(p.Codes), len(p.Text))
		}
		recognise(p)
		if again, _, _ := mask(p.Text); strings.Count(again, blacked) < strings.Count(p.Text, blacked) {
			t.Errorf("blacking out twice shows more: %q, %q", p.Text, again)
		}
		for _, v := range []string{p.Facts.Client, p.Facts.Caller} {
			if v != "" && !guid.MatchString(v) {
				t.Errorf("%q is no GUID", v)
			}
		}
	})
}
