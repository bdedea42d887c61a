package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/alert"
	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/custody"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/policy"
	"rekey.example/rekey/internal/review"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/schedule"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
	"rekey.example/rekey/internal/trail"
	"rekey.example/rekey/internal/usage"
	"rekey.example/rekey/internal/view"
)

// Config is what the API's handlers call.
type Config struct {
	Version      string
	Started      time.Time
	Store        *store.DB
	Log          *audit.Log
	Checkpoints  string // file with the audit checkpoints that were kept outside the database
	Rotations    *rotation.Keeper
	Inventory    *inventory.Service
	Policy       *policy.Policy
	Schedule     *schedule.Service
	Syncs        Syncs
	Keys         *custody.Keeper
	Desk         *delivery.Desk // the tasks of people
	Alerts       *alert.Keeper
	Calendars    *calendar.Desk
	Trail        *trail.Trail     // the clouds' own records
	Usage        *usage.Meter     // how credentials are used; may be nil
	Reviewer     *review.Reviewer // nil: no tenant is configured
	Reconcile    Reconciler       // nil: nothing to compare
	Views        *view.Views
	Installation string
	Replicas     func(context.Context) ([]wire.Replica, error) // that share the database; may be nil
	Defaults     Defaults
	Names        map[string]string // what people call a tenant, by its id
	Fresh        time.Duration     // what was read longer ago is stale
	Patient      diagnosis.Patient // whom the doctor looks at
	Diagnosis    *diagnosis.Service
	Permissions  func(context.Context, inventory.Application) ([]string, error) // that were granted to one; may be nil

	Door      *access.Door                                              // people and their sessions; nil: there are none
	Visit     func(*http.Request) (access.Visit, error)                 // who is signed in; nil: nobody ever is
	Federated func(context.Context, secret.Value) (access.Actor, error) // programs that others vouch for, and people's; nil: none

	Wake     func()      // called when a rotation may go on; may be nil
	Watched  func()      // called when somebody waits for a rotation; may be nil
	Stopping func() bool // says whether waiting requests should end; may be nil
	Logger   *slog.Logger

	Background func(func(context.Context)) bool // runs what no request waits for; nil: the request waits
}

// service implements the routes.
type service struct {
	Config
	opening   sync.Mutex // one incident with an Idempotency-Key at a time
	overviews overviews
}

var _ StrictServerInterface = (*service)(nil)

func (s *service) wake() {
	if s.Wake != nil {
		s.Wake()
	}
}

func (s *service) watched() {
	if s.Watched != nil {
		s.Watched()
	}
}

func (s *service) stopping() bool { return s.Stopping != nil && s.Stopping() }
