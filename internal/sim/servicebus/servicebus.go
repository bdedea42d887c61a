// Package servicebus answers as the namespaces of Azure Service Bus and Event
// Hubs over HTTPS, as far as a key is proved by it: lists and descriptions of
// queues, topics and event hubs. Requests carry a shared access signature made
// with a key of a rule, which is computed again and compared.
//
// https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
package servicebus

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// Handler answers for the hosts of namespaces.
func Handler(w *world.World) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(strings.TrimSuffix(r.Host, ":443"))
		space := w.Serving(host)
		if space == nil {
			refuse(rw, http.StatusNotFound, "No service is hosted at the specified address.", host)
			return
		}
		q := &request{w: w, space: space, r: r, host: host, path: strings.Trim(r.URL.Path, "/")}
		status, text := q.serve()
		if status != http.StatusOK {
			refuse(rw, status, text, host+":"+q.path)
			return
		}
		rw.Header().Set("Content-Type", "application/atom+xml;type=feed;charset=utf-8")
		fmt.Fprint(rw, text)
	})
}

// request is one on its way.
type request struct {
	w          *world.World
	space      *world.Resource
	r          *http.Request
	host, path string
}

// serve answers with a document, or with a refusal and its text.
func (q *request) serve() (status int, text string) {
	if q.r.Method != http.MethodGet {
		return http.StatusMethodNotAllowed, "The request method is not allowed here."
	}
	by, why := q.check()
	if why != "" {
		return http.StatusUnauthorized, why
	}
	if !by.may("Manage") {
		return http.StatusUnauthorized, "claim is empty or token is invalid."
	}
	found, status := q.listed()
	if status != http.StatusOK {
		return status, "No such entity."
	}
	q.w.Change(func() {
		q.w.Record(world.Fact{What: "describe", Object: by.rule.ID, Key: by.key, Label: q.path})
	})
	if len(found) == 1 && strings.EqualFold(found[0].name, q.path) {
		return http.StatusOK, q.entry(found[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">%s</title><id>https://%s/%s</id><updated>%s</updated>`, escape(q.path), q.host, escape(q.path), now())
	for _, e := range found {
		b.WriteString(q.entry(e))
	}
	b.WriteString("</feed>")
	return http.StatusOK, b.String()
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

// entity is a queue, a topic or an event hub.
type entity struct{ name, kind string }

// entry describes an entity.
func (q *request) entry(e entity) string {
	description := map[string]string{"queues": "QueueDescription", "topics": "TopicDescription", "eventhubs": "EventHubDescription"}[e.kind]
	return fmt.Sprintf(`<entry xmlns="http://www.w3.org/2005/Atom"><id>https://%[1]s/%[2]s</id><title type="text">%[2]s</title><published>%[3]s</published><updated>%[3]s</updated>`+
		`<author><name>%[4]s</name></author><content type="application/xml"><%[5]s xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"><Status>Active</Status></%[5]s></content></entry>`,
		q.host, escape(e.name), now(), escape(q.space.Name), description)
}

// listed is what the path asks for: all of a kind, or one.
func (q *request) listed() (found []entity, status int) {
	kind, all := strings.CutPrefix(strings.ToLower(q.path), "$resources/")
	status = http.StatusNotFound
	q.w.Read(func() {
		for _, r := range q.w.Azure.Resources {
			types := strings.Split(r.Type, "/")
			space, name, below := strings.Cut(r.Name, "/")
			if len(types) != 3 || !below || types[2] == "authorizationRules" || !strings.EqualFold(space, q.space.Name) || !strings.HasPrefix(r.ID, q.space.ID+"/") {
				continue
			}
			if all && strings.EqualFold(types[2], kind) || strings.EqualFold(name, q.path) {
				found = append(found, entity{name, strings.ToLower(types[2])})
			}
		}
	})
	if all && (kind == "queues" || kind == "topics" || kind == "eventhubs") || len(found) > 0 {
		status = http.StatusOK
	}
	slices.SortFunc(found, func(a, b entity) int { return strings.Compare(a.name, b.name) })
	return found, status
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

func refuse(rw http.ResponseWriter, status int, text, tracker string) {
	now := time.Now().UTC()
	rw.Header().Set("Content-Type", "application/xml; charset=utf-8")
	rw.WriteHeader(status)
	fmt.Fprintf(rw, "<Error><Code>%d</Code><Detail>%s TrackingId:%08x-0000-0000-0000-%012x_G1, SystemTracker:%s, Timestamp:%s</Detail></Error>",
		status, escape(text), now.Unix(), now.Nanosecond(), escape(tracker), now.Format("2006-01-02T15:04:05"))
}
