package graph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// largestBatch is how many requests a batch may hold.
const largestBatch = 20

// batchRequest is one entry of a batch.
type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// batch carries out up to 20 requests. What depends on something that failed fails
// too; the answers come in no particular order, which is the order of their ids
// turned round.
func (c *call) batch() (*answer, *failure) {
	if c.method != http.MethodPost {
		return nil, &failure{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	var q struct {
		Requests []batchRequest `json:"requests"`
	}
	if f := c.decode(&q); f != nil {
		return nil, f
	}
	order, f := batchOrder(q.Requests)
	if f != nil {
		return nil, f
	}
	status := map[string]int{}
	var list []batchResponse
	for _, i := range order {
		r := &q.Requests[i]
		one := batchResponse{ID: r.ID, Status: http.StatusFailedDependency, Headers: map[string]string{"Content-Type": "application/json"}}
		if failed := slices.ContainsFunc(r.DependsOn, func(id string) bool { return status[id] >= 400 }); failed {
			f := &failure{code: "FailedDependency", message: "A request on which this request depends has failed."}
			one.Body = f.body(c.requestID, c.clientID)
		} else {
			one = c.entry(r)
		}
		status[r.ID] = one.Status
		list = append(list, one)
	}
	slices.Reverse(list)
	body, err := json.Marshal(map[string]any{"responses": list})
	if err != nil {
		return nil, &failure{status: http.StatusInternalServerError, code: "generalException", message: "The batch could not be answered."}
	}
	return ok(body)
}

// batchOrder checks the batch as a whole and puts what depends behind what it
// depends on.
func batchOrder(list []batchRequest) ([]int, *failure) {
	if len(list) == 0 {
		return nil, malformed("Invalid batch payload format.")
	}
	if len(list) > largestBatch {
		return nil, malformed("Number of batch request steps exceeds the maximum value of %d.", largestBatch)
	}
	place := map[string]int{}
	for i, r := range list {
		if _, twice := place[r.ID]; twice || r.ID == "" {
			return nil, malformed("Duplicate or missing id of a batch request: '%s'.", r.ID)
		}
		if r.Method == "" || r.URL == "" {
			return nil, malformed("Invalid batch payload format: method and url of request '%s' are required.", r.ID)
		}
		place[r.ID] = i
	}
	done := make([]bool, len(list))
	var order []int
	for len(order) < len(list) {
		before := len(order)
		for i, r := range list {
			ready := !done[i]
			for _, id := range r.DependsOn {
				j, known := place[id]
				if !known {
					return nil, malformed("Request '%s' depends on '%s', which is not in the batch.", r.ID, id)
				}
				ready = ready && done[j]
			}
			if ready {
				done[i] = true
				order = append(order, i)
			}
		}
		if len(order) == before {
			return nil, malformed("The requests of the batch depend on each other in a circle.")
		}
	}
	return order, nil
}

// entry carries out one request as if it had come alone, with the caller's token.
func (c *call) entry(r *batchRequest) batchResponse {
	inner := &call{
		service: c.service, method: strings.ToUpper(r.Method), claims: c.claims, units: 1, header: http.Header{},
		requestID: c.requestID, clientID: c.clientID, sentID: c.sentID,
	}
	a, f := inner.prepare(c, r)
	if f == nil {
		a, f = inner.one()
	}
	h := http.Header{}
	inner.frame(h, a, f)
	one := batchResponse{ID: r.ID, Headers: map[string]string{"Cache-Control": "no-cache", "x-ms-resource-unit": strconv.Itoa(inner.units)}}
	for name := range h {
		one.Headers[name] = h.Get(name)
	}
	switch {
	case f != nil:
		one.Status, one.Body = f.status, f.body(c.requestID, c.clientID)
	case len(a.body) > 0 && a.body[0] != '{':
		one.Status, one.Body = a.status, json.RawMessage(strconv.Quote(string(a.body)))
	default:
		one.Status, one.Body = a.status, a.body
	}
	return one
}

func (c *call) prepare(outer *call, r *batchRequest) (*answer, *failure) {
	u, err := url.Parse("/" + outer.version + "/" + strings.TrimPrefix(r.URL, "/"))
	if err != nil || u.Host != "" {
		return nil, malformed("Invalid URL.")
	}
	c.r = &http.Request{Method: c.method, URL: u, Host: host, Header: http.Header{}, Body: http.NoBody}
	c.r.Header.Set("User-Agent", outer.r.UserAgent())
	for name, value := range r.Headers {
		c.r.Header.Set(name, value)
	}
	if string(r.Body) != "null" {
		c.body = r.Body
	}
	if f := c.setPath(u); f != nil {
		return nil, f
	}
	if len(c.path) == 1 && c.path[0] == "$batch" {
		return nil, malformed("A batch cannot hold a batch.")
	}
	return nil, c.checkType(c.r.Header.Get("Content-Type"))
}
