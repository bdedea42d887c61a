package access

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/permissions.md anew")

const permissionsFile = "../../docs/reference/permissions.md"

// TestPermissionsAreCurrent compares the page with the table in access.go.
func TestPermissionsAreCurrent(t *testing.T) {
	want := permissionsPage()
	if *update {
		if err := os.WriteFile(permissionsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(permissionsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/reference/permissions.md is not what the table says: go test ./internal/access -run TestPermissionsAreCurrent -update")
	}
}

func permissionsPage() string {
	var b strings.Builder
	b.WriteString(`# Permissions

What each role may do. This is the whole table, made from the code: what is not listed is denied. A **user** sees and touches only the applications they
own in the directory; all others do not exist for them. Nobody approves what they proposed, or what a person proposed whose token they made. **Fresh**
means that a signed-in person must have signed in within the last five minutes; so does approving an emergency rotation or a revocation. API tokens and
federated tokens can be narrowed to some of these actions.

| action | user | auditor | administrator | fresh |
| --- | --- | --- | --- | --- |
`)
	var all []Action
	for _, r := range Roles {
		all = append(all, permitted[r]...)
	}
	slices.Sort(all)
	for _, a := range slices.Compact(all) {
		mark := func(yes bool) string {
			if yes {
				return "yes"
			}
			return ""
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a, mark(Permits(User, a)), mark(Permits(Auditor, a)), mark(Permits(Administrator, a)), mark(slices.Contains(delicate, a)))
	}
	return b.String()
}

// TestFreshProofIsAskedOfPeopleOnly: programs have none to give.
func TestFreshProofIsAskedOfPeopleOnly(t *testing.T) {
	for _, a := range delicate {
		old := Actor{ID: "entra:t:o", Role: Administrator, Session: "s-1"}
		if _, ok := old.Check(a).(*StepUpError); !ok {
			t.Errorf("%s: a stale session may", a)
		}
		program := Actor{ID: "token:t-1", Role: Administrator}
		if err := program.Check(a); err != nil {
			t.Errorf("%s: a token may not: %v", a, err)
		}
	}
}

// TestAnAliasMakesTwoActorsOnePerson, and gives nothing.
func TestAnAliasMakesTwoActorsOnePerson(t *testing.T) {
	session := Actor{ID: "entra:t:o", Person: "entra:t:o", Alias: "omar@contoso.com", Session: "s"}
	token := Actor{ID: "token:t-1", Person: "omar@contoso.com"}
	other := Actor{ID: "token:t-2", Person: "ada@contoso.com"}
	if !session.Same(token) || !token.Same(session) || session.Same(other) || (Actor{ID: "a", Person: "a"}).Same(Actor{ID: "b", Person: "b"}) {
		t.Error("who is the same person is wrong")
	}
}
