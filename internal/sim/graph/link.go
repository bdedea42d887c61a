package graph

import (
	"net/url"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// link is the address of this call with one option replaced. The other options
// stay as the client wrote them.
func (c *call) link(option, value string) string {
	var b strings.Builder
	b.WriteString("https://" + c.linkHost() + c.r.URL.EscapedPath() + "?")
	for pair := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); pair == "" || err != nil || plain == "$skiptoken" || plain == "$deltatoken" {
			continue
		}
		b.WriteString(pair + "&")
	}
	b.WriteString(option + "=" + value)
	return b.String()
}

// linkHost is the host of links: ours, unless the fault of links that lead
// elsewhere strikes. It is asked only when a link is given out.
func (c *call) linkHost() string {
	if fault, struck := c.strikes(world.ForeignLink); struck {
		return fault.Value
	}
	return host
}

// shape is the part of a context that names what was selected and expanded.
func (c *call) shape(o *options) string {
	list := c.query.Get("$select")
	if o.owners {
		if list != "" {
			list += ","
		}
		list += "owners()"
	}
	if list == "" {
		return ""
	}
	return "(" + list + ")"
}
