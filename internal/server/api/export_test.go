package api

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"rekey.example/rekey/internal/inventory"
)

var nasty = []string{
	"=1+1", "+1", "-1", "@SUM(A1)", "|cmd", "%0", "\t=1", "\r\n=1", " =1", "\u00a0=1", "＝1", "＠x", "a,b;c\"d\"", "line\nbreak\r\nBEGIN:VEVENT", "\x00\x1b[31m", "naïve ☃ 𝔘", strings.Repeat("ä", 40_000), `back\slash`, "",
}

func nastyRows() (rows []inventory.Row) {
	for i, name := range nasty {
		rows = append(rows, inventory.Row{
			Credential:  inventory.Credential{Tenant: home, Holder: basware.ObjectID, KeyID: strings.Repeat("k", i+1), Kind: inventory.ClientSecret, Label: name, Expires: time.Date(2030, 1, 1+i, 12, 0, 0, 0, time.UTC)},
			Application: inventory.Application{Name: name, Owners: []inventory.Owner{{Name: name, Mail: name}}}, Consumers: []inventory.Binding{{Consumer: name}}, Places: []inventory.Deposit{{Place: inventory.Place{Vault: name, Name: name}}},
		})
	}
	return rows
}

func walkNasty(each func(*inventory.Row) error) error {
	rows := nastyRows()
	for i := range rows {
		if err := each(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func dangerous(cell string) bool {
	t := strings.TrimLeft(cell, " \t\r\n\u00a0\u3000")
	return t != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(t)[0])
}

// TestNoNameBecomesAFormula (SAFETY T40): as CSV and as a workbook, read again.
func TestNoNameBecomesAFormula(t *testing.T) {
	var out bytes.Buffer
	if err := writeCSV(&out, time.Now(), walkNasty); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
	if err != nil || len(lines) != len(nasty)+1 || !strings.HasPrefix(out.String(), "\ufeff") || !strings.Contains(out.String(), "\r\n") {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for _, line := range lines[1:] {
		for i, cell := range line {
			if dangerous(cell) && i != 8 { // days left are numbers
				t.Errorf("column %d: %.40q", i, cell)
			}
		}
	}
	out.Reset()
	if err := writeXLSX(&out, time.Now(), walkNasty); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Credentials", excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != len(nasty)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range rows {
		for j := range sheetColumns {
			at, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if f, err := book.GetCellFormula("Credentials", at); err != nil || f != "" {
				t.Errorf("%s has the formula %q, %v", at, f, err)
			}
		}
	}
	if v, _ := book.GetCellValue("Credentials", "H2"); v != "2030-01-01 12:00" {
		t.Errorf("the end is shown as %q: it is no date", v)
	}
}

// TestACalendarHoldsOnlyItsOwnLines: folded at 75 octets, nothing injected, stable.
func TestACalendarHoldsOnlyItsOwnLines(t *testing.T) {
	var out, again bytes.Buffer
	now := time.Now().UTC()
	for _, w := range []*bytes.Buffer{&out, &again} {
		if err := writeICS(w, now, walkNasty); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != again.String() {
		t.Error("the same rows give another calendar")
	}
	events, uids := 0, map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\r\n"), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n\x00\x1b") {
			t.Errorf("line %.60q has %d octets", line, len(line))
		}
		if line == "BEGIN:VEVENT" {
			events++
		}
		if uid, ok := strings.CutPrefix(line, "UID:"); ok {
			uids[uid] = true
		}
	}
	if events != len(nasty) || len(uids) != len(nasty) {
		t.Errorf("%d events with %d UIDs, want %d", events, len(uids), len(nasty))
	}
	if whole := strings.ReplaceAll(out.String(), "\r\n ", ""); !strings.Contains(whole, "naïve ☃ 𝔘: credential") && !strings.Contains(whole, "naïve ☃ 𝔘 stops") {
		t.Error("folding has cut a character")
	}
}
