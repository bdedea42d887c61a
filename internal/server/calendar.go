package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/secret"
)

// calendars answers the addresses of feeds. One that is not known is simply not
// there.
func calendars(mux *http.ServeMux, desk *calendar.Desk, log *slog.Logger) {
	if desk == nil {
		return
	}
	mux.HandleFunc("GET /calendar/{file}", func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutSuffix(r.PathValue("file"), ".ics")
		if !ok {
			refuse(w, http.StatusNotFound, "not_found", "there is no such calendar", "")
			return
		}
		raw, err := desk.Read(r.Context(), secret.New(token))
		switch {
		case errors.Is(err, calendar.ErrNotFound):
			refuse(w, http.StatusNotFound, "not_found", "there is no such calendar", "somebody may have ended it; make another with rekey calendar create")
			return
		case errors.Is(err, calendar.ErrTooOften):
			w.Header().Set("Retry-After", "60")
			refuse(w, http.StatusTooManyRequests, "too_often", "the calendar is read too often", "once an hour is enough")
			return
		case err != nil:
			log.Error("a calendar cannot be made", "error", err.Error())
			refuse(w, http.StatusServiceUnavailable, "busy", "the calendar cannot be made at the moment", "try again later")
			return
		}
		sum := sha256.Sum256(raw)
		h := w.Header()
		h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
		h.Set("Cache-Control", "private, no-cache")
		h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
		if r.Header.Get("If-None-Match") == h.Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "text/calendar; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="rekey.ics"`)
		w.Write(raw)
	})
}
