package signin

import (
	"encoding/json"
	"net/http"
	"time"

	"rekey.example/rekey/internal/access"
)

// state is when a session ends, for pages that warn before.
type state struct {
	Now   time.Time `json:"now"`
	Idle  time.Time `json:"idle"`  // unless something is asked for before
	Ends  time.Time `json:"ends"`  // whatever is asked for
	Warn  int       `json:"warn"`  // seconds before the end that a page should warn
	Name  string    `json:"name"`  // who is signed in
	Left  int       `json:"left"`  // seconds until the earlier of both
	Fresh bool      `json:"fresh"` // signed in so lately that nothing asks for it again
}

const warnBefore = 2 * time.Minute

// session says when the session ends. Asking does not prolong it.
func (g *Gate) session(w http.ResponseWriter, r *http.Request) {
	v, err := g.c.Door.Look(r.Context(), g.kept(r), false)
	g.tell(w, v, err)
}

// stay prolongs the session: a person has said so.
func (g *Gate) stay(w http.ResponseWriter, r *http.Request) {
	v, err := g.c.Door.Stay(r.Context(), g.kept(r))
	g.tell(w, v, err)
}

func (g *Gate) tell(w http.ResponseWriter, v access.Visit, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"left":0}` + "\n"))
		return
	}
	now := time.Now()
	json.NewEncoder(w).Encode(state{
		Now: now, Idle: v.Idle, Ends: v.Ends, Warn: int(warnBefore / time.Second), Name: v.Actor.Name,
		Left: max(0, int(v.Until().Sub(now)/time.Second)), Fresh: now.Sub(v.Proved) < access.FreshFor,
	})
}
