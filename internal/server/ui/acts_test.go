package ui_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/server/ui"
)

var hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// hiddenIn are the hidden fields of the form on a page that posts to an address.
func hiddenIn(t testing.TB, page, action string) url.Values {
	t.Helper()
	i := strings.Index(page, `method="post" action="`+html.EscapeString(action)+`"`)
	if i < 0 {
		t.Fatalf("no form posts to %s\n%s", action, page)
	}
	page = page[i:]
	page = page[:strings.Index(page, "</form>")]
	form := url.Values{}
	for _, m := range hiddenFields.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}

// ending is a credential of the demo that somebody uses and that rekey can renew.
func (w *town) ending() api.Credential {
	w.t.Helper()
	for c, err := range w.api().Credentials(w.t.Context(), api.ListCredentialsParams{Kind: api.CredentialKindClientSecret, App: w.tenant.Demo.ClientID}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if len(c.Places) == 1 {
			return c
		}
	}
	w.t.Fatal("the demo has no credential to renew")
	return api.Credential{}
}

// proposed is a rotation that Nora has proposed by form.
func (w *town) proposed(c api.Credential) string {
	w.t.Helper()
	w.as(access.Administrator, "Nora Lindqvist")
	form := url.Values{"application": {c.Application.ObjectID}, "credential": {c.KeyID}, "plan": {"planned"}, "reason": {"ends soon"}, "do": {"look"}}
	r, page := w.get("POST", "/rotations/new", form.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "Propose it") {
		w.t.Fatalf("%d\n%s", r.StatusCode, page)
	}
	send := hiddenIn(w.t, page[strings.Index(page, `id="draft"`):], "/rotations/new")
	send.Set("do", "send")
	r, page = w.get("POST", "/rotations/new", send.Encode())
	to := r.Header.Get("Location")
	if r.StatusCode != 303 || !strings.HasPrefix(to, "/rotations/r-") {
		w.t.Fatalf("%d to %q\n%s", r.StatusCode, to, page)
	}
	again, _ := w.get("POST", "/rotations/new", send.Encode()) // the button pressed twice
	if again.Header.Get("Location") != to {
		w.t.Errorf("sent twice, it leads to %q and %q", to, again.Header.Get("Location"))
	}
	return strings.TrimPrefix(to, "/rotations/")
}

// TestProposeApproveWatch is the life of a rotation, by forms alone.
func TestProposeApproveWatch(t *testing.T) {
	w := newTown(t, 0)
	id := w.proposed(w.ending())
	review := w.page("/approvals/" + id)
	if !strings.Contains(review, "who proposes does not approve") || strings.Contains(review, "Approve this plan") {
		t.Error("who proposed it is offered to approve it, or not told why not")
	}
	if list := w.page("/approvals"); !strings.Contains(list, "Nothing waits for you") || !strings.Contains(list, "Yours, for somebody else to decide") {
		t.Error("the own proposal stands among those to decide")
	}
	now, err := w.api().RotationNow(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	own := url.Values{"hash": {now.Rotation.Hash}, "version": {now.Version}}
	if r, _ := w.get("POST", "/approvals/"+id, own.Encode()); r.StatusCode != 403 {
		t.Errorf("the own proposal is approved: %d", r.StatusCode)
	}
	w.as(access.Administrator, "Omar Haddad")
	review = w.page("/approvals/" + id)
	wellFormed(t, "/approvals", review)
	for _, want := range []string{"What happens if you approve", "point of no return", now.Rotation.Hash, "Approve this plan", "ends soon"} {
		if !strings.Contains(review, want) {
			t.Errorf("the review lacks %q", want)
		}
	}
	form := hiddenIn(t, review, "/approvals/"+id)
	r, page := w.get("POST", "/approvals/"+id, form.Encode())
	if r.StatusCode != 303 || r.Header.Get("Location") != "/rotations/"+id {
		t.Fatalf("%d to %q\n%s", r.StatusCode, r.Header.Get("Location"), page)
	}
	if r, page := w.get("POST", "/approvals/"+id, form.Encode()); r.StatusCode != 409 || !strings.Contains(page, "no longer what you looked at") || !strings.Contains(page, "Omar Haddad has approved it") {
		t.Errorf("approved twice: %d", r.StatusCode)
	}
	for change, err := range w.api().Watch(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		page = w.page("/rotations/" + id)
		wellFormed(t, "/rotations/"+id, page)
		for _, e := range change.Consumers {
			if e.Proof == "" && !e.Follows && !change.Switched.IsZero() && change.Removed.IsZero() {
				w.get("POST", "/rotations/"+id+"/confirm?"+query("consumer", e.Consumer), url.Values{"proof": {"its run was good"}}.Encode())
			}
		}
	}
	page = w.page("/rotations/" + id)
	for _, want := range []string{"Done ", "Point of no return", "rotation.approve by Omar Haddad", "Approved by"} {
		if !strings.Contains(page, want) {
			t.Errorf("the finished rotation lacks %q", want)
		}
	}
	if strings.Contains(page, "data-live") {
		t.Error("a finished rotation is looked at again and again")
	}
}

func TestRefusedWithReason(t *testing.T) {
	w := newTown(t, 0)
	id := w.proposed(w.ending())
	w.as(access.Administrator, "Omar Haddad")
	ask := "/approvals/" + id + "/refuse"
	if r, page := w.get("POST", ask, "reason=++"); r.StatusCode != 422 || !strings.Contains(page, `aria-invalid="true"`) {
		t.Errorf("without a reason: %d", r.StatusCode)
	}
	if r, _ := w.get("POST", ask, url.Values{"reason": {"not in the freeze"}}.Encode()); r.StatusCode != 303 {
		t.Errorf("refused: %d", r.StatusCode)
	}
	if page := w.page("/rotations/" + id); !strings.Contains(page, "not in the freeze") || !strings.Contains(page, "Refused") {
		t.Error("the rotation does not say who refused it and why")
	}
}

// TestAFormIsNotFilledInTwice: what was entered stands there again, with what is wrong.
func TestAFormIsNotFilledInTwice(t *testing.T) {
	w := newTown(t, 0)
	form := url.Values{"application": {"no such thing"}, "plan": {"next"}, "reason": {"because <b>"}, "lifetime": {"a while"}, "do": {"look"}}
	r, page := w.get("POST", "/rotations/new", form.Encode())
	if r.StatusCode != 400 {
		t.Errorf("%d", r.StatusCode)
	}
	for _, want := range []string{"because &lt;b&gt;</textarea>", `value="no such thing"`, `value="a while"`, `<option value="next" selected`, `aria-invalid="true" aria-describedby="p-lifetime"`, `id="p-lifetime"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
	form.Set("lifetime", "90d")
	if r, page := w.get("POST", "/rotations/new", form.Encode()); r.StatusCode != 404 || !strings.Contains(page, `id="p-application"`) {
		t.Errorf("an unknown application: %d", r.StatusCode)
	}
}

// TestAPlanThatChangedIsNotSent: what was looked at is what is proposed.
func TestAPlanThatChangedIsNotSent(t *testing.T) {
	w := newTown(t, 0)
	c := w.ending()
	form := url.Values{"application": {c.Application.ObjectID}, "credential": {c.KeyID}, "plan": {"planned"}, "reason": {"x"}, "do": {"send"}, "seen": {"something else"}}
	r, page := w.get("POST", "/rotations/new", form.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "no longer the one you looked at") {
		t.Errorf("%d", r.StatusCode)
	}
	list, err := w.api().RotationPage(t.Context(), api.ListRotationsParams{})
	if err != nil || len(list.Value) != 0 {
		t.Errorf("%d rotations, %v", len(list.Value), err)
	}
}

// addresses are pages of every kind, with the ids that this town has.
func (w *town) addresses(rotation string, c api.Credential) []string {
	w.t.Helper()
	list := []string{
		"/rotations", "/rotations?stage=approval", "/rotations/new", "/rotations/new?" + query("application", c.Application.ObjectID), "/rotations/" + rotation, "/rotations/" + rotation + "/cancel", "/approvals", "/approvals/" + rotation, "/approvals/" + rotation + "/refuse",
		"/schedule", "/schedule?now=true", "/schedule/" + c.KeyID + "/postpone", "/tasks", "/incidents", "/incidents/new", "/findings", "/findings?state=open", "/policy", "/policy?name=Basware", "/policy/check",
		"/audit", "/audit?subject=" + rotation, "/audit/1", "/audit/verify", "/audit/checkpoint", "/audit/timeline?" + query("application", c.Application.ObjectID), "/diagnose", "/people", "/people/invite", "/people/tokens/new", "/alerts", "/settings", "/settings/reconcile", "/settings/keys", "/rotations/" + rotation + "/permit", "/rotations/" + rotation + "/confirm?consumer=x",
	}
	found, err := w.api().FindingPage(w.t.Context(), api.ListFindingsParams{Application: c.Application.ObjectID, Limit: 1})
	if err != nil || len(found.Value) == 0 {
		w.t.Fatalf("no finding: %v", err)
	}
	return append(list, "/findings/"+found.Value[0].ID, "/findings/"+found.Value[0].ID+"/acknowledge")
}

// TestEachRoleSeesItsPages: what a role may not see is neither offered nor shown.
func TestEachRoleSeesItsPages(t *testing.T) {
	w := newTown(t, 0)
	c := w.ending()
	id := w.proposed(c)
	pages := w.addresses(id, c)
	denied := map[access.Role][]string{
		access.Administrator: nil,
		access.Auditor:       {"/rotations/new", "/cancel", "/permit", "/confirm", "/approvals", "/refuse", "/postpone", "/incidents/new", "/acknowledge", "/people/tokens/new", "/people/invite", "/settings/keys"},
		access.User:          {"/permit", "/approvals", "/refuse", "/incidents", "/acknowledge", "/audit", "/people", "/settings"},
	}
	for role, no := range denied {
		w.as(role, "Somebody")
		w.actor.Owner = c.Owners[0].ObjectID // a user sees what is theirs
		home := w.page("/")
		for _, p := range pages {
			want := 200
			path, _, _ := strings.Cut(p, "?")
			if slices.ContainsFunc(no, func(n string) bool {
				return path == n || strings.HasSuffix(path, n) || strings.HasPrefix(path, n+"/") && n != "/approvals" && n != "/rotations/new"
			}) {
				want = 403
			}
			r, body := w.get("GET", p, "")
			if r.StatusCode != want {
				t.Errorf("%s: GET %s is %d, want %d", role, p, r.StatusCode, want)
			}
			wellFormed(t, p, body)
			if strings.Count(path, "/") == 1 {
				if offered := strings.Contains(home, `href="`+path+`"><svg`); offered != (want == 200) {
					t.Errorf("%s: the navigation offers %s: %v", role, path, offered)
				}
			}
		}
	}
}

// TestHostileNamesOnActingPages shows the pages that act with nothing but hostile names.
func TestHostileNamesOnActingPages(t *testing.T) {
	w := newTown(t, 0)
	c := w.ending()
	id := w.proposed(c)
	pages := w.addresses(id, c)
	token, err := w.daemon.Client(access.Actor{ID: "local:0", Name: "x", Person: "local:0", Role: access.Administrator, Tenant: w.tenant.ID}).CreateToken(t.Context(), api.TokenRequest{Name: "x", Role: api.GivenRoleAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	own := len(texts)
	texts = append(texts, "evidence", "needs", "proof", "by", "why", "what", "note", "says", "finds", "person", "place", "frozen", "template", "suggestion", "warning", "action", "subject", "actor", "found", "meaning")
	defer func() { texts = texts[:own] }()
	x := &twisted{to: w.daemon.Handler()}
	through, err := client.New(client.Config{Server: "http://in-test", Token: func() string { return token.Secret }, HTTP: &http.Client{Transport: x}})
	if err != nil {
		t.Fatal(err)
	}
	w.pages = w.serve(ui.Config{Client: func(access.Actor) *client.Client { return through }})
	for i := 0; i < len(hostile); i += 12 {
		w.actor.Name = hostile[i]
		for _, p := range pages {
			r, body := w.get("GET", p, "")
			if r.StatusCode != 200 {
				t.Errorf("%s with hostile names: %d", p, r.StatusCode)
			}
			harmless(t, p, body)
		}
	}
	for _, name := range hostile {
		for _, p := range []string{"/policy?" + query("name", name), "/rotations?" + query("application", name), "/findings?" + query("rule", name), "/audit?" + query("subject", name), "/rotations/new?" + url.Values{"reason": {name}, "application": {name}, "place": {name}}.Encode(), "/incidents/new?" + query("reason", name)} {
			_, body := w.get("GET", p, "")
			harmless(t, p, body)
		}
		for _, p := range []string{"/rotations/new", "/incidents/new", "/diagnose", "/people/tokens/new"} {
			_, body := w.get("POST", p, url.Values{"reason": {name}, "application": {name}, "applications": {name}, "name": {name}, "lifetime": {name}, "entry": {name}, "do": {"look"}, "role": {"root"}}.Encode())
			harmless(t, p, body)
		}
	}
}

// TestBoardCountsItsLists: a lane's number is that of the list it leads to.
func TestBoardCountsItsLists(t *testing.T) {
	w := newTown(t, 120)
	w.proposed(w.ending())
	page := w.page("/rotations")
	lanes := regexp.MustCompile(`aria-label="[^"]*"><a href="([^"]*)"><span>[^<]*</span><strong>([0-9]+)\+?</strong>`).FindAllStringSubmatch(page, -1)
	if len(lanes) < 7 {
		t.Fatalf("%d lanes", len(lanes))
	}
	for _, m := range lanes {
		if got := w.rows(html.UnescapeString(m[1])); m[2] != itoa(got) {
			t.Errorf("%s is said to have %s rows and has %d", m[1], m[2], got)
		}
	}
	schedule := w.page("/schedule")
	days := regexp.MustCompile(`<a href="(/schedule\?date=[^"]*)"><bdi>([0-9,]+) due</bdi>`).FindAllStringSubmatch(schedule, -1)
	if len(days) == 0 {
		t.Fatal("no day has anything due")
	}
	for _, m := range days {
		if got := w.rows(html.UnescapeString(m[1])); m[2] != itoa(got) {
			t.Errorf("%s is said to have %s rows and has %d", m[1], m[2], got)
		}
	}
	policy := w.page("/policy")
	for _, m := range regexp.MustCompile(`<a href="(/findings\?[^"]*)"><bdi>([0-9]+) open finding`).FindAllStringSubmatch(policy, -1) {
		if got := w.rows(html.UnescapeString(m[1])); m[2] != itoa(got) {
			t.Errorf("%s is said to have %s rows and has %d", m[1], m[2], got)
		}
	}
}

func TestPostponeAndResumeByForm(t *testing.T) {
	w := newTown(t, 0)
	due, err := w.api().DuePage(t.Context(), api.ListDueParams{Days: 90})
	if err != nil || len(due.Value) == 0 {
		t.Fatalf("nothing is due: %v", err)
	}
	i := slices.IndexFunc(due.Value, func(d api.DueItem) bool { return d.Ends.After(time.Now().Add(6 * day)) })
	key := due.Value[i].Credential.KeyID
	until := time.Now().Add(3 * day).UTC().Format(time.DateOnly)
	if r, page := w.get("POST", "/schedule/"+key+"/postpone", url.Values{"until": {until}, "reason": {"month end"}}.Encode()); r.StatusCode != 303 {
		t.Fatalf("%d\n%s", r.StatusCode, page)
	}
	if page := w.page("/schedule"); !strings.Contains(page, "month end") {
		t.Error("the schedule does not say why")
	}
	if r, _ := w.get("POST", "/schedule/"+key+"/resume", "x=1"); r.StatusCode != 303 {
		t.Errorf("resume: %d", r.StatusCode)
	}
}

func TestIncidentByForm(t *testing.T) {
	w := newTown(t, 0)
	c := w.ending()
	form := url.Values{"reason": {"a laptop was lost"}, "applications": {c.KeyID + "\r\nnobody knows this"}, "plan": {"revoke"}, "kind": {"all"}, "others": {"keep"}, "do": {"look"}}
	r, page := w.get("POST", "/incidents/new", form.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "2 items, of which 1 cannot be dealt with") {
		t.Fatalf("%d\n%s", r.StatusCode, page)
	}
	send := hiddenIn(t, page[strings.Index(page, `id="draft"`):], "/incidents/new")
	send.Set("do", "send")
	r, page = w.get("POST", "/incidents/new", send.Encode())
	to := r.Header.Get("Location")
	if r.StatusCode != 303 {
		t.Fatalf("%d\n%s", r.StatusCode, page)
	}
	for range 100 { // it lists its items by itself
		if page = w.page(to); strings.Contains(page, "another administrator has to approve it") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	wellFormed(t, to, page)
	w.as(access.Administrator, "Omar Haddad")
	ask := w.page(to + "/approve")
	if r, page := w.get("POST", to+"/approve", hiddenIn(t, ask, to+"/approve").Encode()); r.StatusCode != 303 {
		t.Fatalf("approve: %d\n%s", r.StatusCode, page)
	}
	if r, body := w.get("GET", to+"/report?format=csv", ""); r.StatusCode != 200 || !strings.Contains(body, "nobody knows this") {
		t.Errorf("the report: %d", r.StatusCode)
	}
}

func TestDiagnoseFindsTheBrokenLink(t *testing.T) {
	w := newTown(t, 0)
	r, page := w.get("POST", "/diagnose", url.Values{"text": {"AADSTS7000222: The provided client secret keys for app '" + w.tenant.Demo.ClientID + "' are expired."}}.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "The chain, link by link") || !strings.Contains(page, "AADSTS7000222") {
		t.Errorf("%d\n%s", r.StatusCode, page)
	}
	wellFormed(t, "/diagnose", page)
	if r, page := w.get("POST", "/diagnose", "text="); r.StatusCode != 422 || !strings.Contains(page, `id="p-text"`) {
		t.Errorf("nothing to diagnose: %d", r.StatusCode)
	}
}

func TestTheLogIsVerifiedAndExported(t *testing.T) {
	w := newTown(t, 0)
	if r, page := w.get("POST", "/audit/verify", "checkpoint="); r.StatusCode != 200 || !strings.Contains(page, "The log is whole") {
		t.Errorf("%d\n%s", r.StatusCode, page)
	}
	if r, page := w.get("POST", "/audit/verify", "checkpoint=nonsense"); r.StatusCode != 422 || !strings.Contains(page, `id="p-checkpoint"`) {
		t.Errorf("a checkpoint of somebody else: %d", r.StatusCode)
	}
	if r, body := w.get("GET", "/audit/export", ""); r.StatusCode != 200 || !strings.HasPrefix(body, `{"format":"rekey-audit-export/1"`) {
		t.Errorf("export: %d %.100q", r.StatusCode, body)
	}
	if r, _ := w.get("GET", "/audit/99999999", ""); r.StatusCode != 404 {
		t.Errorf("an event that is not there: %d", r.StatusCode)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
