package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"rekey.example/rekey/api"
)

// hostileNames are display names as an attacker, or a bad import, would make
// them: each of these parts alone, and then 2,000 mixtures.
func hostileNames() []string {
	parts := []string{
		"Invoices", "\x1b[31mred\x1b[0m", "\x1b]0;title\a", "\x1b[2J", "\u009b31m", "\u202egnp.exe", "\u2066\u2069", "\u200f", "\u061c", "\x00", "\x7f", "\r\n", "\n", "\t", "\b\b\b",
		"=1+1", "=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "＝1", "\tx", `"`, `""`, ",", ";", "'", "<script>alert(1)</script>", "{{.}}", "${x}", "%s%n", "\\", "\ufeff", "\u2028", "\u2029",
		"漢字かな", "مرحبا", "नमस्ते", "👩‍👩‍👧", "e\u0301", "Z̴̧̢", "ﷺ", "yes", "null", "1e3", "0x10", "~", "- a", "a: b", "# c", "|", ">", "*x", "&x", "!!str", "\xff\xfe", "\U000e0041", "\ue000", "\ufffd",
	}
	rnd := rand.New(rand.NewPCG(41, 40))
	names := slices.Clone(parts)
	for range 2000 {
		var b strings.Builder
		for range 1 + rnd.IntN(6) {
			b.WriteString(parts[rnd.IntN(len(parts))])
		}
		names = append(names, b.String())
	}
	return append(names, strings.Repeat("漢", 10_000), strings.Repeat("\x1b[A", 10_000))
}

func hostileCredentials() []api.Credential {
	var list []api.Credential
	for i, name := range hostileNames() {
		days := i - 5
		list = append(list, api.Credential{
			Application: api.ApplicationRef{Name: name, ClientID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i)}, KeyID: fmt.Sprintf("11111111-0000-0000-0000-%012d", i),
			Label: name, Kind: api.CredentialKindClientSecret, DaysLeft: &days, Owners: []api.Owner{{Name: name}}, Consumers: []api.Consumer{{Consumer: name}},
			Places: []api.Place{{Vault: "kv", Name: name}},
		})
	}
	return list
}

// printed is what a session shows of the hostile list.
func printed(t *testing.T, format string, terminal bool) []byte {
	t.Helper()
	s, out, _ := quiet(t)
	s.flags.output, s.terminal = format, terminal
	if terminal {
		s.width = 120
	}
	list := hostileCredentials()
	if err := s.show(list, credentialTable(list)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNoFormatLetsAHostileNameAct(t *testing.T) {
	for _, format := range formats {
		out := printed(t, format, false)
		if format == "jsonc" { // the colours are ours
			out = bytes.ReplaceAll(bytes.ReplaceAll(out, []byte("\x1b[34m"), nil), []byte("\x1b[0m"), nil)
		}
		if !utf8.Valid(out) {
			t.Errorf("%s is not UTF-8", format)
		}
		for i, r := range string(bytes.TrimPrefix(out, []byte("\ufeff"))) {
			if hostile(r) && r != '\n' && !(format == "tsv" && r == '\t') && !(format == "csv" && r == '\r') {
				t.Fatalf("%s lets %U through at byte %d", format, r, i)
			}
		}
	}
}

func TestJSONAndYAMLReadBackAsWritten(t *testing.T) {
	want := hostileCredentials()
	var got []api.Credential
	if err := json.Unmarshal(printed(t, "json", false), &got); err != nil {
		t.Fatal(err)
	}
	var loose []map[string]any
	if err := yaml.Unmarshal(printed(t, "yaml", false), &loose); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		name := strings.ToValidUTF8(w.Application.Name, "\ufffd") // as JSON has it
		if utf8.ValidString(w.Application.Name) && got[i].Application.Name != w.Application.Name {
			t.Errorf("JSON: %q reads back as %q", w.Application.Name, got[i].Application.Name)
		}
		inYAML := loose[i]["label"]
		if utf8.ValidString(w.Label) && inYAML != name {
			t.Errorf("YAML: %q reads back as %#v", name, inYAML)
		}
		if loose[i]["daysLeft"] != *w.DaysLeft {
			t.Errorf("YAML: %d days read back as %#v", *w.DaysLeft, loose[i]["daysLeft"])
		}
	}
}

func TestCSVIsForSpreadsheetsAndHoldsNoFormula(t *testing.T) {
	out := printed(t, "csv", false)
	body, ok := bytes.CutPrefix(out, []byte("\ufeff"))
	if !ok {
		t.Error("there is no byte order mark")
	}
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := hostileCredentials()
	if len(rows) != len(want)+1 || rows[0][0] != "app_name" {
		t.Fatalf("%d rows, the first %v", len(rows), rows[0])
	}
	for i, w := range want {
		row := rows[i+1]
		for j, cell := range row {
			if cell != "" && strings.ContainsRune("=+@\t\r＝＋－＠", []rune(cell)[0]) || strings.HasPrefix(cell, "-") && rows[0][j] != "days_left" {
				t.Errorf("%s of row %d begins like a formula: %q", rows[0][j], i, cell)
			}
		}
		if got := strings.TrimPrefix(row[0], "'"); got != visible(w.Application.Name) && row[0] != visible(w.Application.Name) {
			t.Errorf("%q reads back as %q", w.Application.Name, row[0])
		}
		if row[9] != fmt.Sprint(*w.DaysLeft) {
			t.Errorf("%d days read back as %q", *w.DaysLeft, row[9])
		}
	}
}

func TestTSVNeverCutsAndAlwaysHasEveryColumn(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(string(printed(t, "tsv", true)), "\n"), "\n")
	want := hostileCredentials()
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, w := range want {
		cells := strings.Split(lines[i], "\t")
		if len(cells) != len(credentialTable(nil).columns) || cells[0] != visible(w.Application.Name) || cells[6] != w.KeyID {
			t.Fatalf("line %d has %d cells and reads %.200q", i, len(cells), lines[i])
		}
	}
}

func TestTablesFitTheTerminalAndKeepIDsWhole(t *testing.T) {
	list := hostileCredentials()
	s, out, _ := quiet(t)
	s.flags.output, s.width = "table", 140
	if err := s.show(list, credentialTable(list)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(list)+1 {
		t.Fatalf("%d lines, want %d: a name has broken its line", len(lines), len(list)+1)
	}
	for i, l := range lines {
		if width(l) > 140 {
			t.Fatalf("line %d is %d columns wide: %q", i, width(l), l)
		}
		if i > 0 && !strings.Contains(l, list[i-1].KeyID) {
			t.Fatalf("line %d lacks its key id: %q", i, l)
		}
	}
}

func TestAnEmptyListIsAListAndNoFailure(t *testing.T) {
	for format, want := range map[string]string{"json": "[]\n", "yaml": "[]\n", "tsv": "", "none": "", "table": ""} {
		s, out, problems := quiet(t)
		s.flags.output = format
		empty := credentialTable(nil)
		empty.none = "No credential fits."
		if err := s.show([]api.Credential{}, empty); err != nil || out.String() != want {
			t.Errorf("%s shows %q, %v; want %q", format, out, err, want)
		}
		if format == "table" && problems.String() != "No credential fits.\n" {
			t.Errorf("a person is told %q", problems)
		}
	}
}

func TestQueriesPickFromTheResult(t *testing.T) {
	value := []map[string]any{{"a": "x", "n": 1, "deep": map[string]any{"b": true}}, {"a": "y", "n": 20000000}}
	for _, c := range []struct{ query, format, want string }{
		{"[].a", "tsv", "x\ny\n"},
		{"[].a", "json", "[\n  \"x\",\n  \"y\"\n]\n"},
		{"[].{n: n, a: a}", "tsv", "x\t1\ny\t20000000\n"},
		{"[].[n, a]", "tsv", "1\tx\n20000000\ty\n"},
		{"length(@)", "json", "2\n"},
		{"[0].deep", "tsv", "true\n"},
		{"[?n > `100`].a | [0]", "tsv", "y\n"},
		{"nothing", "json", "null\n"},
		{"nothing", "tsv", ""},
	} {
		s, out, _ := quiet(t)
		s.flags.output, s.flags.query = c.format, c.query
		if err := s.ready(); err != nil {
			t.Fatal(err)
		}
		if err := s.show(value, &table{}); err != nil || out.String() != c.want {
			t.Errorf("--query %q -o %s shows %q, %v; want %q", c.query, c.format, out, err, c.want)
		}
	}
}

func TestTimesAreSaidAsOneSaysThem(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "now", 6 * 24 * time.Hour: "in 6 days", -3 * time.Hour: "3 h ago", 30 * time.Hour: "in 30 h", 90 * time.Second: "in 90 s",
		-5 * time.Minute: "5 min ago", 800 * 24 * time.Hour: "in 2 years", 60 * 24 * time.Hour: "in 60 days",
	} {
		if got := when(now.Add(d), now); got != want {
			t.Errorf("%v is said as %q, want %q", d, got, want)
		}
	}
	if got := when(time.Time{}, now); got != "-" {
		t.Errorf("no time is said as %q", got)
	}
	if got := forMachines(now.In(time.FixedZone("x", 7200))); got != "2026-05-01T12:00:00Z" {
		t.Errorf("machines read %q", got)
	}
}

func TestColoursOnlyWhereTheyAreWanted(t *testing.T) {
	for _, c := range []struct {
		terminal, flag bool
		env            string
		want           bool
	}{{true, false, "", true}, {false, false, "", false}, {true, true, "", false}, {true, false, "1", false}} {
		s, _, _ := quiet(t)
		s.terminal, s.flags.noColor = c.terminal, c.flag
		s.env = func(k string) (string, bool) { return c.env, k == "NO_COLOR" && c.env != "" }
		if got := strings.Contains(s.bold("x"), "\x1b"); got != c.want {
			t.Errorf("%+v: coloured is %v", c, got)
		}
	}
}
