package arm

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Publish answers as the endpoints that events are sent to, such as
// https://orders.westeurope-1.eventgrid.azure.net/api/events. Events are
// checked and thrown away; what counts is which key opened the door.
func Publish(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := publish(w, r); err != nil {
			refuse(rw, err)
			return
		}
		rw.Header().Set("x-ms-request-id", newGUID())
		rw.WriteHeader(http.StatusOK)
	})
}

// largestEvents is the limit of one request.
const largestEvents = 1 << 20

func publish(w *world.World, r *http.Request) error {
	topic := topicAt(w, hostOf(r))
	if topic == nil || !strings.EqualFold(r.URL.Path, "/api/events") {
		return fail(http.StatusNotFound, "NotFound", "The requested resource was not found.")
	}
	if r.Method != http.MethodPost {
		return fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "Events are posted.")
	}
	if v := r.URL.Query().Get("api-version"); v != "" && v != "2018-01-01" {
		return badRequest("BadRequest", "The api-version '"+v+"' is not supported.")
	}
	key, by, err := opens(w, topic, r)
	if err != nil {
		return err
	}
	if err := checkEvents(r); err != nil {
		return err
	}
	w.Change(func() {
		w.Record(world.Fact{What: "publish", Object: topic.ID, Key: key, By: by, Request: r.Header.Get("x-ms-client-request-id")})
	})
	return nil
}

func topicAt(w *world.World, host string) (topic *world.Resource) {
	w.Read(func() {
		for _, r := range w.Azure.Resources {
			endpoint, _ := r.Properties["endpoint"].(string)
			if r.Type == topicType && strings.HasPrefix(strings.ToLower(endpoint), "https://"+host+"/") {
				topic = r
			}
		}
	})
	return topic
}

// opens says which key, or which caller, has the right to send.
func opens(w *world.World, topic *world.Resource, r *http.Request) (key, by string, err error) {
	refused := func(why string) error {
		return fail(http.StatusUnauthorized, "Unauthorized", fmt.Sprintf("The request authorization key is not authorized for %s. This is due to the reason: %s", strings.ToUpper(hostOf(r)), why))
	}
	sent := r.Header.Get("aeg-sas-key")
	if bearer := r.Header.Get("Authorization"); sent == "" && bearer != "" {
		claims, bad := w.Bearer(bearer, "https://eventgrid.azure.net")
		if bad != nil {
			return "", "", refused(bad.Error() + ".")
		}
		allowed := false
		w.Read(func() {
			_, allowed = w.Azure.Allowed(claims.ObjectID, "Microsoft.EventGrid/events/send/action", true, topic.ID, time.Now(), w.Lag.Role)
		})
		if !allowed {
			return "", "", fail(http.StatusForbidden, "Forbidden", "The principal associated with access token presented with the incoming request does not have permission to send data to "+topic.ID+".")
		}
		return "", claims.AppID, nil
	}
	if sent == "" {
		return "", "", fail(http.StatusUnauthorized, "Unauthorized", "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key.")
	}
	replica := w.Replica()
	w.Read(func() {
		err = refused("The key does not match any of the keys of the topic.")
		if local, _ := topic.Properties["disableLocalAuth"].(bool); local {
			err = refused("Local authentication is disabled.")
			return
		}
		name, fits := w.Opens(replica, topic, func(value string) bool { return subtle.ConstantTimeCompare([]byte(value), []byte(sent)) == 1 })
		if fits {
			key, err = name, nil
		}
	})
	return key, "", err
}

// checkEvents wants an array of events of the Event Grid schema, or CloudEvents,
// as the content type says.
func checkEvents(r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, largestEvents+1))
	if err != nil {
		return badRequest("BadRequest", "The request body cannot be read.")
	}
	if len(body) > largestEvents {
		return fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The maximum size (1048576) has been exceeded.")
	}
	need := []string{"id", "eventType", "subject", "eventTime", "data", "dataVersion"}
	kind := r.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "application/cloudevents") {
		need = []string{"id", "source", "type", "specversion"}
	}
	if strings.HasPrefix(kind, "application/cloudevents+json") {
		body = append(append([]byte{'['}, body...), ']')
	}
	var events []map[string]any
	if json.Unmarshal(body, &events) != nil {
		return badRequest("BadRequest", "This resource is configured to receive events in the declared schema. The JSON received does not conform to the expected schema.")
	}
	for i, event := range events {
		for _, field := range need {
			if _, has := event[field]; !has {
				return badRequest("BadRequest", fmt.Sprintf("Event %d lacks the required property %s.", i, field))
			}
		}
	}
	return nil
}
