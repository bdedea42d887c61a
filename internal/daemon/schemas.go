package daemon

import (
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/server/api"
	"rekey.example/rekey/internal/store"
)

// schemas lists every change of the tables, in the order of their versions. A
// released one is never edited: a change is a new one with a higher version
// than all of these.
func schemas() []store.Schema {
	return []store.Schema{
		audit.Schema,             // 10
		access.Schema,            // 15
		inventory.Schema,         // 20
		embedded.Schema,          // 30
		policy.Schema,            // 40
		rotation.Schema,          // 50
		rotation.ReconcileSchema, // 51
		rotation.IncidentSchema,  // 52
		api.Schema,               // 70
		custody.Schema,           // 90
		delivery.Schema,          // 120
		schedule.Schema,          // 160
	}
}
