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
	names, status := q.listed()
	if status != http.StatusOK {
		return status, "No such entity."
	}
	q.w.Change(func() {
		q.w.Record(world.Fact{What: "describe", Object: by.rule.ID, Key: by.key, Label: q.path})
	})
	var b strings.Builder
	fmt.Fprintf(&b, `<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">%s</title><updated>%s</updated>`, escape(q.path), time.Now().UTC().Format(time.RFC3339))
	for _, name := range names {
		fmt.Fprintf(&b, `<entry><id>https://%s/%s</id><title type="text">%s</title></entry>`, q.host, escape(name), escape(name))
	}
	b.WriteString("</feed>")
	return http.StatusOK, b.String()
}

// listed are the names that the path asks for: of a kind, or one.
func (q *request) listed() (names []string, status int) {
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
				names = append(names, name)
			}
		}
	})
	if all && (kind == "queues" || kind == "topics" || kind == "eventhubs") || len(names) > 0 {
		status = http.StatusOK
	}
	return names, status
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
