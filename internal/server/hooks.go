package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"rekey.example/rekey/internal/connector"
	"rekey.example/rekey/internal/connector/keyvault"
	"rekey.example/rekey/internal/secret"
)

// Hooks are the addresses that the clouds send notifications to. Nothing that is
// sent there is believed: each is a reason to read again, now. A hook without a
// secret does not exist.
type Hooks struct {
	Office    secret.Value // what the Office 365 feed sends as Webhook-AuthID
	EventGrid secret.Value // what Event Grid's address has as ?key=, or a header X-Rekey-Key

	Content func()                                          // there is new content
	Events  func(context.Context, []connector.Record) error // of vaults
}

// largestNotice is more than the clouds send at once.
const largestNotice = 1 << 20

func (h *Hooks) mount(mux *http.ServeMux) {
	if h == nil {
		return
	}
	if !h.Office.IsZero() {
		mux.HandleFunc("POST /hooks/office", h.office)
	}
	if !h.EventGrid.IsZero() {
		mux.HandleFunc("POST /hooks/eventgrid", h.eventGrid)
		mux.HandleFunc("OPTIONS /hooks/eventgrid", h.wanted)
	}
}

// same compares without telling how far it was right.
func same(given string, want secret.Value) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(want.Reveal())) == 1
}

// office takes notifications of new content, and answers the validation: any 200
// to a request that bears the right AuthID.
func (h *Hooks) office(w http.ResponseWriter, r *http.Request) {
	if !same(r.Header.Get("Webhook-AuthID"), h.Office) {
		refuse(w, http.StatusUnauthorized, "unauthenticated", "the notification bears no Webhook-AuthID of ours", "set the same secret on both sides")
		return
	}
	if _, err := notice(w, r); err != nil {
		return
	}
	if r.Header.Get("Webhook-ValidationCode") == "" {
		h.Content()
	}
	w.WriteHeader(http.StatusOK)
}

func notice(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestNotice))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "the notification is larger than 1 MB or was cut off", "send less at once")
	}
	return body, err
}

func (h *Hooks) known(w http.ResponseWriter, r *http.Request) bool {
	key := r.Header.Get("X-Rekey-Key")
	if key == "" {
		key = r.URL.Query().Get("key")
	}
	if same(key, h.EventGrid) {
		return true
	}
	refuse(w, http.StatusUnauthorized, "unauthenticated", "the delivery bears no key of ours", "write the key behind the address, or as a delivery property X-Rekey-Key")
	return false
}

// eventGrid answers the handshake and takes events.
func (h *Hooks) eventGrid(w http.ResponseWriter, r *http.Request) {
	if !h.known(w, r) {
		return
	}
	body, err := notice(w, r)
	if err != nil {
		return
	}
	e, err := keyvault.ParseEvents(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "the delivery cannot be read", "send Event Grid's own schema or CloudEvents 1.0")
		return
	}
	if e.Validation != "" {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"validationResponse": e.Validation}) // the sender may be gone
		return
	}
	if err := h.Events(r.Context(), e.Records); err != nil && !errors.Is(err, context.Canceled) {
		refuse(w, http.StatusServiceUnavailable, "busy", "the events could not be kept", "deliver them again")
		return
	}
	w.WriteHeader(http.StatusOK)
}

// wanted answers the handshake of CloudEvents.
func (h *Hooks) wanted(w http.ResponseWriter, r *http.Request) {
	if !h.known(w, r) {
		return
	}
	origin := r.Header.Get("WebHook-Request-Origin")
	if origin == "" || len(origin) > 200 || strings.ContainsAny(origin, "\r\n") {
		refuse(w, http.StatusBadRequest, "invalid_request", "the handshake names no origin", "send WebHook-Request-Origin")
		return
	}
	w.Header().Set("WebHook-Allowed-Origin", origin)
	w.Header().Set("WebHook-Allowed-Rate", "120")
	w.WriteHeader(http.StatusOK)
}
