package api

import (
	"log/slog"
	"time"

	"rekey.example/rekey/internal/audit"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/rotation"
	"rekey.example/rekey/internal/store"
)

// Config is what the API's handlers call.
type Config struct {
	Version     string
	Started     time.Time
	Store       *store.DB
	Log         *audit.Log
	Checkpoints string // file with the audit checkpoints that were kept outside the database
	Rotations   *rotation.Keeper
	Syncs       Syncs
	Patient     diagnosis.Patient // whom the doctor looks at

	Wake     func()      // called when a rotation may go on; may be nil
	Stopping func() bool // says whether waiting requests should end; may be nil
	Logger   *slog.Logger
}

// service implements the routes.
type service struct {
	Config
	StrictServerInterface
}

var _ StrictServerInterface = (*service)(nil)

func (s *service) wake() {
	if s.Wake != nil {
		s.Wake()
	}
}

func (s *service) stopping() bool { return s.Stopping != nil && s.Stopping() }
