package access

import (
	"fmt"
	"time"
)

// Visit is a signed-in person at one request: who it is, by which session, and
// how long that still holds. The zero Visit is nobody.
type Visit struct {
	Actor   Actor
	Session string    // its id, for lists and the log; never what the browser holds
	Proved  time.Time // when the person last proved who they are
	Idle    time.Time // it ends then, if nothing is asked for before
	Ends    time.Time // it ends then, whatever is asked for
}

// Until is when the session ends if nobody does anything.
func (v Visit) Until() time.Time {
	if v.Idle.Before(v.Ends) {
		return v.Idle
	}
	return v.Ends
}

// FreshFor is how long a proof of who somebody is counts as fresh.
const FreshFor = 5 * time.Minute

// delicate are the actions that ask a signed-in person for a fresh proof: what
// takes something away that cannot come back, what shows a value, and what
// decides who may do so (SAFETY R1). Approving a withdrawal at once or a
// revocation asks for one too; see rotation.Approve.
var delicate = []Action{
	PermitWithdraw, OpenIncident, ApproveIncident, LinkTask,
	ManageTokens, ManagePeople, ChangeMaster,
}

// Delicate lists the actions that need a fresh proof, for the documentation.
func Delicate() []Action { return append([]Action(nil), delicate...) }

// StepUpError means that the person has to sign in again, and can then go on.
type StepUpError struct {
	Actor  Actor
	Action Action
}

func (e *StepUpError) Error() string {
	return fmt.Sprintf("%s asks for a sign-in of the last %d minutes", e.Action, int(FreshFor/time.Minute))
}

// Afresh returns a *StepUpError if a person acts whose last proof is no longer
// fresh. Programs and the person at the machine have none to give: a token was
// made by somebody who had.
func (a Actor) Afresh(action Action) error {
	if a.Session == "" {
		return nil
	}
	if since := time.Since(a.Proved); since < FreshFor && since > -time.Minute {
		return nil
	}
	return &StepUpError{Actor: a, Action: action}
}

// Fresh reports whether nothing asks the actor to sign in once more.
func (a Actor) Fresh() bool { return a.Afresh("") == nil }

// May lists what the actor may do, some of it after signing in once more.
func (a Actor) May() []Action {
	list := []Action{}
	for _, action := range permitted[a.Role] {
		a.Proved = time.Now()
		if a.Check(action) == nil {
			list = append(list, action)
		}
	}
	return list
}

// OnlyOwn reports whether the actor sees only what its Owner owns.
func (a Actor) OnlyOwn() bool { return a.Role == User }
