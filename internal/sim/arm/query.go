package arm

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// query answers Resource Graph, as far as a query says which types it wants:
// Resources | where type =~ 'a' | project ... The projection is not followed;
// every column is always there.
func (c *call) query() (*answer, error) {
	var body struct {
		Query string `json:"query"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	types, err := typesWanted(body.Query)
	if err != nil {
		return nil, err
	}
	data := []map[string]any{}
	c.w.Read(func() {
		for _, t := range c.everything() {
			if len(types) > 0 && !slices.ContainsFunc(types, func(k string) bool { return strings.EqualFold(k, t.kind) }) {
				continue
			}
			if !c.may(t.kind+"/read", t.id) {
				continue
			}
			var row map[string]any
			if t.kind == vaultType {
				row = c.wireVault(c.w.Azure.Vaults[strings.ToLower(t.name)])
			} else {
				row = wireResource(c.w.Azure.Resources[strings.ToLower(t.id)])
			}
			row["type"], row["resourceGroup"], row["subscriptionId"] = strings.ToLower(t.kind), t.group, c.w.Tenant.SubscriptionID
			data = append(data, row)
		}
	})
	return &answer{status: http.StatusOK, header: map[string]string{"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}, body: map[string]any{
		"totalRecords": len(data), "count": len(data), "data": data, "facets": []any{}, "resultTruncated": "false",
	}}, nil
}

var (
	equalsType = regexp.MustCompile(`(?i)^where\s+type\s*(?:=~|==)\s*['"]([^'"]+)['"]$`)
	inTypes    = regexp.MustCompile(`(?i)^where\s+type\s+in~?\s*\(([^)]*)\)$`)
)

func typesWanted(query string) (types []string, err error) {
	stages := strings.Split(query, "|")
	if !strings.EqualFold(strings.TrimSpace(stages[0]), "resources") {
		return nil, badQuery()
	}
	for _, stage := range stages[1:] {
		stage = strings.TrimSpace(stage)
		if m := equalsType.FindStringSubmatch(stage); m != nil {
			types = append(types, m[1])
			continue
		}
		if m := inTypes.FindStringSubmatch(stage); m != nil {
			for name := range strings.SplitSeq(m[1], ",") {
				types = append(types, strings.Trim(name, ` '"`))
			}
			continue
		}
		if word, _, _ := strings.Cut(strings.ToLower(stage), " "); word != "project" && word != "order" && word != "sort" {
			return nil, badQuery()
		}
	}
	return types, nil
}

func badQuery() error {
	return fail(http.StatusBadRequest, "BadRequest", "Please provide below info when asking for support: query is invalid. Queries here name the table Resources and the types they want.")
}
