package keyvault

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// largestPage is the most and the usual number of items on a page.
const largestPage = 25

// page answers a list. keys are everything the list walks over, in ascending
// order; item makes the entry of a key, or says that it is not shown. Keys that
// are not shown fill a page too, so a page can be short or even empty and still
// have a next one, as it happens in the service.
func (c *call) page(keys []string, item func(key string) (any, bool)) (*answer, error) {
	size, from, err := c.pageAsked()
	if err != nil {
		return nil, err
	}
	start := 0
	if from != "" {
		start = sort.SearchStrings(keys, from+"\x00")
	}
	end := min(start+size, len(keys))
	var result struct {
		Value []any   `json:"value"`
		Next  *string `json:"nextLink"`
	}
	result.Value = []any{}
	for _, key := range keys[start:end] {
		if entry, shown := item(key); shown {
			result.Value = append(result.Value, entry)
		}
	}
	if end < len(keys) {
		result.Next = new(c.nextLink(keys[end-1], size))
	}
	return ok(result), nil
}

func (c *call) pageAsked() (size int, from string, err error) {
	q := c.r.URL.Query()
	size = largestPage
	if text := q.Get("maxresults"); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < 1 || size > largestPage {
			return 0, "", badParameter("The value of parameter maxresults must be between 1 and 25.")
		}
	}
	if token := q.Get("$skiptoken"); token != "" {
		from, err = readSkipToken(token)
	}
	return size, from, err
}

// nextLink names the port, as the service does.
func (c *call) nextLink(last string, size int) string {
	q := c.r.URL.Query()
	link := "https://" + c.host + ":443/" + strings.Join(c.path, "/") + "?api-version=" + url.QueryEscape(q.Get("api-version")) +
		"&$skiptoken=" + skipToken(last) + "&maxresults=" + strconv.Itoa(size)
	if pending := q.Get("includePending"); pending != "" {
		link += "&includePending=" + url.QueryEscape(pending)
	}
	return link
}

// marker is what a skip token holds.
type marker struct {
	Next     string `json:"NextMarker"`
	Location int    `json:"TargetLocation"`
}

func skipToken(last string) string {
	text, _ := json.Marshal(marker{Next: last}) // a string and a number always have a spelling
	return base64.RawURLEncoding.EncodeToString(text)
}

func readSkipToken(token string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	var m marker
	if err != nil || json.Unmarshal(text, &m) != nil || m.Next == "" {
		return "", badParameter("The continuation token is not valid.")
	}
	return m.Next, nil
}
