package ui

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
)

// homeView is what the front page shows.
type homeView struct {
	Answer    Badge  // does anything need me?
	Sentence  string // the answer in a sentence
	Href      string // of the rows it counts; empty: all clear
	Checked   *When
	Stale     string
	Attention []attentionRow
	Calm      Empty // shown instead of nothing to attend to
	Timeline  timeline
	Board     []boardColumn
	Tiles     []Tile
	Sources   Table
	Figures   []Tile
}

// attentionRow is a credential somebody has to do something about.
type attentionRow struct {
	Ends     *When
	State    Badge
	Impact   Badge
	Name     Link
	Label    Text
	Hit      []Link
	More     string
	Owner    Text
	Orphaned bool
	Next     Link
}

// boardColumn is a column of the board of rotations.
type boardColumn struct {
	Title, Number, Href string
	Waiting             string
	WaitingHref         string
	Oldest              *When
	Some                bool
}

// home answers: does anything need me?
func (c *Console) home(w http.ResponseWriter, v *visit) error {
	o, err := v.api.Overview(v.Context())
	if err != nil {
		return err
	}
	view := homeView{
		Checked: moment(o.Counted, v.now), Timeline: newTimeline(o, v.now), Board: boardOf(o), Tiles: hygiene(o), Figures: figures(o), Sources: sourcesTable(o, v.now),
	}
	view.answer(o, v.now)
	for _, a := range o.Attention {
		view.Attention = append(view.Attention, attend(v, a))
	}
	view.Calm = Empty{Title: "Nothing needs you", Detail: "No credential that somebody uses ends within 30 days."}
	return c.show(w, v, "home", Page{Title: "Home", Section: "home", Live: 30, Notices: homeNotices(v, o), Body: view})
}

// answer is the first line of the page.
func (h *homeView) answer(o api.Overview, now time.Time) {
	stale := 0
	for _, s := range o.Sources {
		if s.Stale {
			stale++
		}
	}
	if stale > 0 {
		h.Stale = count(stale, "source") + " stale"
	}
	switch {
	case o.LastSync.IsZero() && o.Credentials == 0:
		h.Answer, h.Sentence = Badge{"info", "Nothing read yet"}, "Nothing is known yet: the tenant has not been read."
	case o.Lost > 0:
		h.Answer, h.Href = Badge{"bad", "Broken"}, at("/credentials", "impact", "breaks", "from", now.Add(-30*24*time.Hour).UTC().Format(time.RFC3339), "expired", "true")
		h.Sentence = subject(o.Lost, "has ended and somebody uses it", "have ended and somebody uses them")
		if o.Soon > 0 {
			h.Sentence += fmt.Sprintf("; %s more within 7 days", number(o.Soon))
		}
		h.Sentence += "."
	case o.Soon > 0:
		h.Answer, h.Href = Badge{"bad", "Act now"}, "/credentials?expiring=7d&impact=breaks"
		h.Sentence = subject(o.Soon, "breaks something in the next 7 days", "break something in the next 7 days") + "."
	case len(o.Attention) > 0:
		h.Answer, h.Href = Badge{"warn", "Soon"}, "/credentials?expiring=30d"
		h.Sentence = "Nothing breaks in the next 7 days; some credentials need planning."
	default:
		h.Answer, h.Sentence = Badge{"good", "All clear"}, "All clear."
	}
}

func subject(n int, one, many string) string {
	if n == 1 {
		return "1 credential " + one
	}
	return number(n) + " credentials " + many
}

// homeNotices say what is wrong with the picture itself.
func homeNotices(v *visit, o api.Overview) (list []Notice) {
	if o.Held != "" {
		list = append(list, Notice{Tone: "bad", Title: plain("rekey is held: nothing has an effect"), Detail: words(o.Held)})
	}
	if o.Sync.State == api.SyncStateFailed {
		n := warn("The last reading failed", o.Sync.Problem)
		if !o.LastSync.IsZero() {
			n.Title = words("The last reading failed " + relative(o.Sync.Ended, v.now) + "; what is shown was read " + relative(o.LastSync, v.now))
		}
		list = append(list, n)
	}
	if o.Sync.State == api.SyncStateRunning {
		list = append(list, Notice{Tone: "info", Title: plain("The tenant is being read: " + o.Sync.Phase), Detail: plain(number(o.Sync.Counts.Read) + " objects so far. Numbers grow until it has ended.")})
	}
	for _, s := range o.Sources {
		if s.Stale && len(list) < 4 {
			n := warn(s.Name+" was last read "+relative(s.LastSync, v.now), s.Problem)
			if s.LastSync.IsZero() {
				n.Title = words(s.Name + " has never been read to its end")
			}
			list = append(list, n)
		}
	}
	return list
}

// people are the owners that can be asked: programs only where there is nobody else.
func people(owners []api.Owner) (list []api.Owner) {
	for _, o := range owners {
		if o.Kind == "user" {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return owners
	}
	return list
}

const hitsShown = 3

func attend(v *visit, a api.AttentionItem) attentionRow {
	c := a.Credential
	r := attentionRow{
		Ends: when(c.Expires, v.now), State: endBadge(c, v.now), Impact: impactBadge(a.Impact, c.State == api.CredentialStateExpired),
		Name: link(c.Application.Name, credentialPath(c)), Label: words(kindWord(c.Kind) + " " + credentialName(c)),
	}
	for i, u := range c.Consumers {
		if i == hitsShown {
			r.More = fmt.Sprintf("and %d more", len(c.Consumers)-i)
			break
		}
		r.Hit = append(r.Hit, link(u.Consumer, consumerPath(u.Consumer)))
	}
	var names []string
	for _, o := range people(c.Owners) {
		names = append(names, ownerName(o))
	}
	r.Name.Text.Full, r.Label.Full = cut(r.Name.Text.Full, inRow), cut(r.Label.Full, inRow)
	for i := range r.Hit {
		r.Hit[i].Text.Full = cut(r.Hit[i].Text.Full, inRow)
	}
	r.Owner, r.Orphaned = words(strings.Join(names, ", ")), len(names) == 0
	r.Owner.Full = cut(r.Owner.Full, inRow)
	r.Next = nextStep(v, c)
	return r
}

// nextStep is the button beside a credential: what its reader can do about it.
func nextStep(v *visit, c api.Credential) Link {
	switch {
	case !renewable(c.Kind) || !v.may(access.ProposeRotation):
		return Link{Text: plain("Look"), Href: credentialPath(c)}
	default:
		return Link{Text: plain("Plan rotation"), Href: planPath(c), Tone: "primary"}
	}
}

func renewable(k api.CredentialKind) bool {
	return k == api.CredentialKindClientSecret || k == api.CredentialKindCertificate || k == api.CredentialKindAccessKey
}

// planPath is the page that plans a rotation of a credential.
func planPath(c api.Credential) string {
	return at("/rotations/new", "application", c.Application.ObjectID, "credential", c.KeyID)
}

func boardOf(o api.Overview) (list []boardColumn) {
	for _, b := range o.Board {
		if b.Stage == api.RotationStageUndoing && b.Count == 0 {
			continue
		}
		col := boardColumn{
			Title: stageWord(b.Stage), Number: number(b.Count), Href: at("/rotations", "stage", string(b.Stage)), Oldest: moment(b.Oldest, o.Counted), Some: b.Count > 0,
		}
		if b.Waiting > 0 {
			col.Waiting, col.WaitingHref = number(b.Waiting)+" for a person", at("/rotations", "stage", string(b.Stage), "waiting", "true")
		}
		list = append(list, col)
	}
	return list
}

// figures are what there is at all.
func figures(o api.Overview) []Tile {
	return []Tile{
		{Number: number(o.Credentials), Label: "credentials", Href: "/credentials", Tone: "none"},
		{Number: number(o.Applications), Label: "applications", Href: "/applications", Tone: "none"},
		{Number: number(o.Entries), Label: "vault entries", Href: "/vaults", Tone: "none"},
		{Number: number(o.Consumers), Label: "consumers", Href: "/consumers", Tone: "none"},
	}
}

// hygiene are the tiles of what is not as it should be. Each leads to the rows it counts.
func hygiene(o api.Overview) []Tile {
	h := o.Hygiene
	open := map[string]int{}
	for _, f := range h.Findings {
		open[f.Rule] = f.Open
	}
	tile := func(n int, tone, label, detail, href string) Tile {
		if n == 0 {
			tone = "good"
		}
		return Tile{Number: number(n), Label: label, Detail: detail, Href: href, Tone: tone}
	}
	rule := func(code, tone, label, detail string) Tile {
		return tile(open[code], tone, label, detail, at("/findings", "rule", code, "state", "open"))
	}
	return []Tile{
		tile(h.NoOwner, "warn", "Without an owner", "nobody would be asked", "/credentials?noOwner=true"),
		tile(h.Unused, "warn", "Unused for 90 days", "by the last recorded sign-in", "/credentials?unused=true"),
		tile(h.Shared, "warn", "Shared consumer", "one break-in loses several", "/credentials?shared=true"),
		tile(h.Unmanaged, "warn", "Appeared without rekey", "made by hand or by others", "/credentials?unmanaged=true"),
		rule("hard-coded", "bad", "Hard-coded", "written where it can be read"),
		rule("out-of-band", "bad", "Changed behind rekey", "nobody planned it"),
		rule("vault-date", "warn", "Vault mismatch", "vault and directory differ"),
		tile(h.Strays, "bad", "Orphan markers", "must be none", "/credentials?stray=true"),
	}
}

func sourcesTable(o api.Overview, now time.Time) Table {
	var rows []Row
	for _, s := range o.Sources {
		state := badgeCell("good", "Fresh")
		if s.Stale {
			state = badgeCell("warn", "Stale")
		}
		rows = append(rows, Row{Cells: []Cell{wordCell(s.Name).with(s.Problem), state, whenCell(moment(s.LastSync, now), "never")}})
	}
	return table("Sources and when each was read", columns("Source", "State", "Last read"), rows, Empty{Title: "No source has been read", Detail: "rekey sync reads the tenant; rekey doctor says what is missing."})
}
