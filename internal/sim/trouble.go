package sim

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// The front ends of the clouds word their own errors differently; clients look
// at status, code and these shapes.

func graphTrouble(status int, code string) []byte {
	now := time.Now().UTC().Format("2006-01-02T15:04:05")
	return toJSON(map[string]any{"error": map[string]any{
		"code": code, "message": sentence(status), "innerError": map[string]any{"date": now, "request-id": noID, "client-request-id": noID},
	}})
}

func azureTrouble(status int, code string) []byte {
	return toJSON(map[string]any{"error": map[string]any{"code": code, "message": sentence(status)}})
}

func entraTrouble(status int, code string) []byte {
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	number, text := 90033, "A transient error has occurred. Please try again."
	if status == http.StatusTooManyRequests {
		number, text = 90055, "Server terminated request as there are too many requests."
	}
	return toJSON(map[string]any{
		"error":             "temporarily_unavailable",
		"error_description": "AADSTS" + itoa(number) + ": " + text + " Trace ID: " + noID + " Correlation ID: " + noID + " Timestamp: " + now,
		"error_codes":       []int{number}, "timestamp": now, "trace_id": noID, "correlation_id": noID, "suberror": code,
	})
}

const noID = "00000000-0000-0000-0000-000000000000"

// troubleCode is the code that goes with a status when the fault names none.
func troubleCode(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return "GatewayTimeout"
	case http.StatusBadGateway:
		return "BadGateway"
	case http.StatusInternalServerError:
		return "InternalServerError"
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

func sentence(status int) string {
	return "The service answered " + strings.ToLower(http.StatusText(status)) + ". Please try again later."
}

func toJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("sim: " + err.Error()) // maps of texts and numbers always marshal
	}
	return text
}

// proxyPage is what a company's proxy or a hotel's network answers in place of
// the service.
const proxyPage = `<!DOCTYPE html>
<html><head><title>Web Gateway</title></head>
<body><h1>Please sign in to the network</h1><p>Your request was intercepted by the web gateway.</p></body></html>
`
