package rotation

import "slices"

import "time"

// plans are the lists of steps. A step's name is stored with every running
// rotation: add a plan, but never rename or reorder the steps of one.
var plans = map[string][]string{
	"planned":   {"approve", "issue", "verify", "deposit", "propagate", "overlap", "withdraw", "watch"},
	"emergency": {"approve", "issue", "verify", "deposit", "propagate", "withdraw", "watch"}, // short waits; whoever else can act as the application is named, to keep or to remove
	"revoke":    {"approve", "revoke", "watch"},                                              // ends a leaked credential now; who used it is cut off
	"next":      {"approve", "issue", "verify", "deposit"},                                   // current and next, for consumers that accept both

	"rollback": {"retract", "settle"}, // what follows a cancel, as long as consumers have not seen the new value
}

// Timings are the plans' waits, if the configuration says nothing else.
var Timings = map[string]Timing{
	// Consumers may cache what they read for a day (App Service references), and a
	// late directory write shows within a day.
	"planned":   {Successes: 5, Proof: Duration(120 * time.Second), Overlap: Duration(24 * time.Hour), Watch: Duration(24 * time.Hour)},
	"emergency": {Successes: 3, Proof: Duration(30 * time.Second), Watch: Duration(24 * time.Hour)},
	"revoke":    {Successes: 3, Proof: Duration(30 * time.Second), Watch: Duration(24 * time.Hour)},
	"next":      {Successes: 5, Proof: Duration(120 * time.Second), Watch: Duration(24 * time.Hour)},
}

// StepNames are the steps of a plan, in their order.
func StepNames(plan string) []string { return plans[plan] }

// Plans are the names of the plans that can be proposed.
var Plans = []string{"planned", "emergency", "revoke", "next"}

func steps(plan string) []Step {
	var list []Step
	for _, name := range plans[plan] {
		list = append(list, Step{Name: name, State: Ahead})
	}
	return list
}

// has reports whether a plan has a step of that name.
func has(plan, step string) bool {
	return slices.Contains(plans[plan], step)
}
