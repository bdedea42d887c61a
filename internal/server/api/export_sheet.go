package api

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/xuri/excelize/v2"

	"rekey.example/rekey/internal/inventory"
)

// The columns are those of Microsoft's samples for exporting secrets and certificates,
// and what rekey knows besides.
var sheetColumns = []string{
	"App name", "App id", "Object id", "Type", "Name", "Key id", "Start", "End", "Days left", "State", "Last use", "Owners", "Consumers", "Kept in", "Unmanaged since",
}

// sheetRow is a row: texts, numbers, times, or nil for what is not known.
func sheetRow(r *inventory.Row, now time.Time) []any {
	state, left := remaining(r.Starts, r.Expires, now)
	var owners, consumers, places []string
	for _, o := range r.Application.Owners {
		owners = append(owners, strings.TrimSpace(o.Name+" "+angled(o.Mail)))
	}
	for _, c := range r.Consumers {
		consumers = append(consumers, c.Consumer)
	}
	for _, p := range r.Places {
		places = append(places, p.Place.String())
	}
	row := []any{
		r.Application.Name, string(r.Application.ClientID), string(r.Application.ObjectID), string(r.Kind), r.Label, r.KeyID, r.Starts, r.Expires, nil, string(state),
		r.LastUsed, strings.Join(owners, "; "), strings.Join(consumers, "; "), strings.Join(places, "; "), r.Unmanaged,
	}
	if left != nil {
		row[8] = *left
	}
	for i, v := range row {
		if t, ok := v.(time.Time); ok && t.IsZero() {
			row[i] = nil
		}
	}
	return row
}

func angled(mail string) string {
	if mail == "" {
		return ""
	}
	return "<" + mail + ">"
}

// harmless keeps a spreadsheet from taking a name for a formula: such a text gets an
// apostrophe in front, as a person would type it. Control characters are left out.
func harmless(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	trimmed := strings.TrimLeft(s, " \u00a0\u3000")
	if trimmed != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(trimmed)[0]) {
		return "'" + s
	}
	return s
}

// writeCSV writes RFC 4180 with the byte order mark by which Excel knows UTF-8.
func writeCSV(to io.Writer, now time.Time, walk func(func(*inventory.Row) error) error) error {
	if _, err := io.WriteString(to, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(to)
	w.UseCRLF = true
	if err := w.Write(sheetColumns); err != nil {
		return err
	}
	err := walk(func(r *inventory.Row) error {
		var line []string
		for _, v := range sheetRow(r, now) {
			switch v := v.(type) {
			case nil:
				line = append(line, "")
			case time.Time:
				line = append(line, v.UTC().Format(time.RFC3339))
			case string:
				line = append(line, harmless(v))
			default:
				line = append(line, fmt.Sprint(v))
			}
		}
		return w.Write(line)
	})
	w.Flush()
	if err != nil {
		return err
	}
	return w.Error()
}

// A worksheet has room for 1,048,576 rows. More go on in a further one.
const rowsOfSheet = 1_000_000

// writeXLSX writes a workbook with typed dates. Its texts are texts: no formula can
// come of them. Rows are put aside in a file while they are many.
func writeXLSX(to io.Writer, now time.Time, walk func(func(*inventory.Row) error) error) error {
	f := excelize.NewFile()
	defer f.Close()
	book := &workbook{f: f, now: now}
	if err := book.styles(); err != nil {
		return err
	}
	if err := book.begin(); err != nil {
		return err
	}
	if err := walk(book.add); err != nil {
		return err
	}
	if err := book.stream.Flush(); err != nil {
		return err
	}
	return f.Write(to)
}

type workbook struct {
	f          *excelize.File
	now        time.Time
	stream     *excelize.StreamWriter
	date, head int
	sheets     int
	row        int
}

func (b *workbook) styles() (err error) {
	format := "yyyy-mm-dd hh:mm"
	if b.date, err = b.f.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return err
	}
	b.head, err = b.f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	return err
}

// begin begins a worksheet.
func (b *workbook) begin() (err error) {
	b.sheets++
	name := "Credentials"
	if b.sheets > 1 {
		name = fmt.Sprintf("Credentials %d", b.sheets)
		_, err = b.f.NewSheet(name)
	} else {
		err = b.f.SetSheetName("Sheet1", name)
	}
	if err != nil {
		return err
	}
	if b.stream, err = b.f.NewStreamWriter(name); err != nil {
		return err
	}
	for i, width := range []float64{42, 38, 38, 14, 28, 38, 17, 17, 10, 10, 17, 34, 40, 40, 17} {
		if err := b.stream.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	if err := b.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	var head []any
	for _, c := range sheetColumns {
		head = append(head, excelize.Cell{StyleID: b.head, Value: c})
	}
	b.row = 1
	return b.stream.SetRow("A1", head)
}

const longestCell = 32_000 // characters that Excel takes

func (b *workbook) add(r *inventory.Row) error {
	if b.row == rowsOfSheet {
		if err := b.stream.Flush(); err != nil {
			return err
		}
		if err := b.begin(); err != nil {
			return err
		}
	}
	b.row++
	row := sheetRow(r, b.now)
	for i, v := range row {
		switch v := v.(type) {
		case time.Time:
			row[i] = excelize.Cell{StyleID: b.date, Value: v.UTC()}
		case string:
			text := []rune(harmless(v))
			row[i] = string(text[:min(len(text), longestCell)])
		}
	}
	return b.stream.SetRow(fmt.Sprintf("A%d", b.row), row)
}
