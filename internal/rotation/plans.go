package rotation

import (
	"context"
	"time"
)

// course is the list of steps of a plan. A step's name is stored with every
// running rotation: add a plan, but never rename or reorder the steps of one.
func course(name string) []action {
	switch name {
	case "planned":
		return []action{
			{"approve", (*Keeper).approve},
			{"issue", (*Keeper).issue},
			{"verify", (*Keeper).verify},
			{"deposit", (*Keeper).deposit},
			{"propagate", (*Keeper).propagate},
			{"overlap", (*Keeper).overlap},
			{"withdraw", (*Keeper).withdraw},
			{"watch", (*Keeper).watch},
		}
	case "rollback": // what follows a cancel, as long as consumers have not seen the new value
		return []action{
			{"retract", (*Keeper).retract},
			{"settle", (*Keeper).settle},
		}
	}
	return nil
}

// action does one step's work on r: it looks at the world, does what is left to
// do and says how it went.
type action struct {
	name string
	do   func(*Keeper, context.Context, *Rotation) (verdict, error)
}

// verdict is how a visit to a step ended without error.
type verdict struct {
	evidence string        // the step is finished, and this was seen
	wait     time.Duration // or: ask again after so long
	why      string        // why it waits
	needs    string        // who must do something first
	end      State         // or: the rotation ends here
}

func passed(evidence string) (verdict, error) { return verdict{evidence: evidence}, nil }

func wait(d time.Duration, why string) (verdict, error) { return verdict{wait: d, why: why}, nil }

// park waits for a person, and looks again now and then in case the world changed.
func park(why, needs string) (verdict, error) {
	return verdict{wait: 30 * time.Minute, why: why, needs: needs}, nil
}

func end(s State, why string) (verdict, error) { return verdict{end: s, why: why}, nil }

func steps(of string) []Step {
	var list []Step
	for _, a := range course(of) {
		list = append(list, Step{Name: a.name, State: Ahead})
	}
	return list
}

// StepNames are the steps of a plan, in their order.
func StepNames(plan string) []string {
	var names []string
	for _, s := range steps(plan) {
		names = append(names, s.Name)
	}
	return names
}

func find(of, step string) (action, bool) {
	for _, a := range course(of) {
		if a.name == step {
			return a, true
		}
	}
	return action{}, false
}
