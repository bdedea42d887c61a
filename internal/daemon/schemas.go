package daemon

import (
	"context"
	"errors"

	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/connector/embedded"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/replica"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/server/api"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
	"rekey.example/rekey/internal/view"
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
		replica.Schema,           // 170
		rotation.LeaseSchema,     // 171
		access.DoorSchema,        // 200
		access.ScopeSchema,       // 201
		view.Schema,              // 210
		alert.Schema,             // 220
		calendar.Schema,          // 221
		trail.Schema,             // 231
		trail.ReachSchema,        // 232
		usage.Schema,             // 240
		diagnosis.Schema,         // 250
	}
}

// openStore opens the database, with the tables of this program and of River.
func openStore(ctx context.Context, c Config) (*store.DB, error) {
	if c.NoMigrate {
		return store.OpenAsIs(ctx, c.DatabaseAddress(), schemas()...)
	}
	db, err := store.Open(ctx, c.DatabaseAddress(), schemas()...)
	if err != nil {
		return nil, err
	}
	if err := migrateRiver(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
