package ui_test

import (
	"net/url"
	"strings"
	"testing"

	"rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/daemon"
	"rekey.example/rekey/internal/sim/contoso"
)

func TestCancelledByForm(t *testing.T) {
	w := newTown(t, 0)
	id := w.proposed(w.ending())
	w.as(access.User, "Somebody else")
	if r, _ := w.get("POST", "/rotations/"+id+"/cancel", "reason=x"); r.StatusCode != 404 && r.StatusCode != 403 {
		t.Errorf("somebody else cancels it: %d", r.StatusCode)
	}
	w.as(access.Administrator, "Nora Lindqvist")
	if r, page := w.get("POST", "/rotations/"+id+"/cancel", url.Values{"reason": {"a mistake"}}.Encode()); r.StatusCode != 303 {
		t.Fatalf("%d\n%s", r.StatusCode, page)
	}
	if page := w.page("/rotations/" + id); !strings.Contains(page, "Cancelled") || !strings.Contains(page, "a mistake") || strings.Contains(page, "Cancel it") {
		t.Error("the rotation does not say that it is cancelled, or offers it again")
	}
	if r, page := w.get("POST", "/rotations/"+id+"/permit", "reason=x"); r.StatusCode != 409 && r.StatusCode != 403 {
		t.Errorf("permitted after its end: %d\n%s", r.StatusCode, page)
	}
}

// TestPeopleByForm: somebody is invited, locked out and let in again; a token is made and revoked.
func TestPeopleByForm(t *testing.T) {
	w := newTown(t, 0)
	r, page := w.get("POST", "/people/invite", url.Values{"login": {"omar"}, "name": {"Omar <b>"}, "role": {"administrator"}}.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "Omar &lt;b&gt;") || !strings.Contains(page, "shown here once") {
		t.Fatalf("invited: %d\n%s", r.StatusCode, page)
	}
	wellFormed(t, "/people/invite", page)
	people, err := w.api().People(t.Context())
	if err != nil || len(people) == 0 {
		t.Fatalf("%d people, %v", len(people), err)
	}
	base := "/people/" + people[len(people)-1].ID
	for _, step := range []struct{ act, shows string }{{"/lock", "Locked out"}, {"/unlock", "May sign in"}} {
		if r, page := w.get("POST", base+step.act, "x=1"); r.StatusCode != 303 {
			t.Fatalf("%s: %d\n%s", step.act, r.StatusCode, page)
		}
		if page := w.page("/people"); !strings.Contains(page, step.shows) {
			t.Errorf("after %s the page does not say %q", step.act, step.shows)
		}
	}
	r, page = w.get("POST", "/people/tokens/new", url.Values{"name": {"pipeline"}, "role": {"auditor"}, "sources": {"10.1.0.0/16"}}.Encode())
	if r.StatusCode != 200 || !strings.Contains(page, "rk_") {
		t.Fatalf("token: %d\n%s", r.StatusCode, page)
	}
	if page := w.page("/people"); strings.Contains(page, "rk_") || !strings.Contains(page, "10.1.0.0/16") {
		t.Error("the list shows the token, or not where it is taken from")
	}
	if r, page := w.get("POST", "/people/tokens/new", url.Values{"name": {"x"}, "role": {"user"}, "lifetime": {"long"}}.Encode()); r.StatusCode != 400 || !strings.Contains(page, `id="p-lifetime"`) {
		t.Errorf("a token for a while: %d", r.StatusCode)
	}
	tokens, err := w.api().Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := w.get("POST", "/people/tokens/"+tokens[0].ID+"/revoke", "x=1"); r.StatusCode != 303 {
		t.Errorf("revoked: %d", r.StatusCode)
	}
}

// TestATaskByForm: a consumer that no program reaches is moved by a person, with a link
// and a word.
func TestATaskByForm(t *testing.T) {
	w := newTownWith(t, 0, func(c *daemon.Config, s contoso.Tenant) {
		c.Bindings = append(c.Bindings, daemon.Binding{Application: s.Demo.ClientID, Consumer: "Basware portal", Reference: "person:marta@contoso.com, page Connections"})
	})
	id := w.proposed(w.ending())
	w.as(access.Administrator, "Omar Haddad")
	form := hiddenIn(t, w.page("/approvals/"+id), "/approvals/"+id)
	if r, page := w.get("POST", "/approvals/"+id, form.Encode()); r.StatusCode != 303 {
		t.Fatalf("approve: %d\n%s", r.StatusCode, page)
	}
	for range w.api().Watch(t.Context(), id) {
		page, err := w.api().TaskPage(t.Context(), api.ListTasksParams{State: api.ListTasksParamsStatePending})
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range page.Value {
			at := "/tasks/" + task.ID
			harmless(t, at, w.page(at))
			if list := w.page("/tasks?state=pending"); !strings.Contains(list, "Basware portal") || !strings.Contains(w.page("/rotations/"+id), "Tasks of people") {
				t.Error("the task is not listed")
			}
			r, link := w.get("POST", at+"/link", "x=1")
			if r.StatusCode != 200 || !strings.Contains(link, "/handover/") {
				t.Fatalf("link: %d\n%s", r.StatusCode, link)
			}
			if again := w.page(at); strings.Contains(again, "/handover/") {
				t.Error("the link is shown twice")
			}
			if r, _ := w.get("POST", at+"/done", "note="); r.StatusCode != 422 {
				t.Errorf("done without a word: %d", r.StatusCode)
			}
			if r, page := w.get("POST", at+"/done", url.Values{"note": {"signed in at 14:02"}}.Encode()); r.StatusCode != 303 {
				t.Fatalf("done: %d\n%s", r.StatusCode, page)
			}
			if again := w.page(at); !strings.Contains(again, "signed in at 14:02") || strings.Contains(again, ">It is done<") {
				t.Error("the task does not say how that is known, or is offered again")
			}
			return
		}
	}
	t.Fatal("nobody was asked to do anything")
}

func TestAcknowledgedByForm(t *testing.T) {
	w := newTown(t, 0)
	list, err := w.api().FindingPage(t.Context(), api.ListFindingsParams{State: api.FindingStateOpen, Limit: 1})
	if err != nil || len(list.Value) == 0 {
		t.Fatalf("no finding: %v", err)
	}
	at := "/findings/" + list.Value[0].ID
	if r, _ := w.get("POST", at+"/acknowledge", url.Values{"reason": {"until the move in May"}}.Encode()); r.StatusCode != 303 {
		t.Fatalf("%d", r.StatusCode)
	}
	page := w.page(at)
	if !strings.Contains(page, "until the move in May") || strings.Contains(page, ">Acknowledge<") {
		t.Error("the finding does not say why it may stay, or offers it again")
	}
	if got := w.rows("/findings?state=acknowledged"); got != 1 {
		t.Errorf("%d are acknowledged", got)
	}
}

// TestPagesOfLongListsAreSmall: none of the pages with everything in it has 100 kB.
func TestPagesOfLongListsAreSmall(t *testing.T) {
	w := newTown(t, 300)
	c := w.ending()
	for _, p := range w.addresses(w.proposed(c), c) {
		if n := len(w.page(p)); n > 100_000 {
			t.Errorf("%s has %d bytes", p, n)
		}
	}
}
