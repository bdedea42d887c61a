package server

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/server/ui"
)

//go:embed page/handover.html
var handoverFile embed.FS

var handoverPage = template.Must(template.ParseFS(handoverFile, "page/handover.html"))

// handover is the page behind a task's link. Opening it shows what it is for; only
// the button, which previews and scanners do not press, reveals the value. There
// is no script, nothing is cached, and no address of it is passed on (SAFETY C16).
type handover struct {
	desk *delivery.Desk
	log  *slog.Logger
}

func handovers(mux *http.ServeMux, desk *delivery.Desk, log *slog.Logger) {
	if desk == nil {
		return
	}
	h := &handover{desk, log}
	mux.HandleFunc("GET /handover/{token}", h.look)
	mux.HandleFunc("POST /handover/{token}", h.reveal)
	mux.HandleFunc("POST /handover/{token}/done", h.done)
}

// sheet is what the page shows. Exactly one of its parts is there.
type sheet struct {
	Task     *delivery.Task
	Deadline string
	Token    string // to press the button with
	Ends     string // when the link does
	Value    string
	Rows     int
	Tick     string
	Done     bool
	Used     string // when the link was used
	Trouble  string
	Style    string // address of the style
}

func (h *handover) look(w http.ResponseWriter, r *http.Request) {
	token := secret.New(r.PathValue("token"))
	t, ends, err := h.desk.Look(r.Context(), token)
	if err != nil {
		h.trouble(w, t, err)
		return
	}
	h.show(w, http.StatusOK, t, sheet{Token: token.Reveal(), Ends: when(ends)})
}

func (h *handover) reveal(w http.ResponseWriter, r *http.Request) {
	s, err := h.desk.Reveal(r.Context(), secret.New(r.PathValue("token")), from(r))
	if err != nil {
		h.trouble(w, s.Task, err)
		return
	}
	defer s.Value.Zero()
	value := s.Value.Reveal()
	h.show(w, http.StatusOK, s.Task, sheet{Value: value, Rows: min(2+len(value)/60, 24), Tick: s.Tick.Reveal()})
}

func (h *handover) done(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	if err := r.ParseForm(); err != nil {
		h.trouble(w, delivery.Task{}, &delivery.InvalidError{Why: "the form is too long or damaged"})
		return
	}
	token := secret.New(r.PathValue("token"))
	t, err := h.desk.Tick(r.Context(), token, r.PostForm.Get("note"), from(r))
	if e, ok := errors.AsType[*delivery.InvalidError](err); ok {
		h.show(w, http.StatusBadRequest, t, sheet{Tick: token.Reveal(), Trouble: e.Why})
		return
	}
	if err != nil {
		h.trouble(w, t, err)
		return
	}
	h.show(w, http.StatusOK, t, sheet{Done: true})
}

// trouble says why there is nothing to see, as far as a stranger may know it.
func (h *handover) trouble(w http.ResponseWriter, t delivery.Task, err error) {
	e, invalid := errors.AsType[*delivery.InvalidError](err)
	switch {
	case invalid:
		h.show(w, http.StatusBadRequest, t, sheet{Trouble: e.Why})
	case errors.Is(err, delivery.ErrUsed):
		h.show(w, http.StatusGone, t, sheet{Used: when(t.Viewed)})
	case errors.Is(err, delivery.ErrEnded):
		h.show(w, http.StatusGone, delivery.Task{}, sheet{Trouble: "This task has ended: nothing is left to do here."})
	case errors.Is(err, delivery.ErrLink), errors.Is(err, delivery.ErrNotFound):
		h.show(w, http.StatusNotFound, delivery.Task{}, sheet{Trouble: "This link is not known. It may have ended, or another took its place; whoever gave it to you can make a new one."})
	default:
		h.log.Error("a handover failed", "task", t.ID, "error", err.Error())
		h.show(w, http.StatusServiceUnavailable, delivery.Task{}, sheet{Trouble: "The value cannot be read at the moment. The link still holds: try again later, or tell whoever gave it to you."})
	}
}

func (h *handover) show(w http.ResponseWriter, status int, t delivery.Task, s sheet) {
	if t.ID != "" {
		s.Task, s.Deadline = &t, when(t.Deadline)
	}
	s.Style = ui.StylePath
	var page bytes.Buffer
	if handoverPage.Execute(&page, s) != nil {
		h.log.Error("the handover page cannot be made") // the error could quote what it shows
		refuse(w, http.StatusInternalServerError, "internal", "the page cannot be shown", "report it as a bug")
		return
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	head.Set("Pragma", "no-cache")
	head.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(page.Bytes())
	clear(page.Bytes())
}

func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("Monday 2 January 2006, 15:04 MST")
}

// from is the address a request came from, without its port.
func from(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
