package graph

import (
	"errors"
	"strconv"
	"strings"
)

// options are the query options of a read.
type options struct {
	top      int
	selected []int // nil means the default properties
	owners   bool  // $expand=owners
	filter   *filter
	search   func(source) bool
	orderBy  string
	reverse  bool
	count    bool // @odata.count is wanted and allowed
	from     *pageToken
}

const (
	defaultTop = 100
	largestTop = 999
)

// eventual reports whether the caller accepts the index in place of the directory,
// which advanced queries need.
func (c *call) eventual() bool {
	return strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual")
}

// readOptions reads the query options for a collection of entity e, whose
// properties s can be filtered.
func readOptions[T any](c *call, e *entity[T], s *schema) (*options, *failure) {
	o := &options{top: defaultTop}
	q := c.query
	if q.Has("$skip") {
		return nil, badRequest("'$skip' is not supported by the service.")
	}
	if text := q.Get("$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largestTop {
			return nil, unsupportedQuery("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", text)
		}
		o.top = n
	}
	var f *failure
	if o.selected, f = readSelect(c, e); f != nil {
		return nil, f
	}
	if o.owners, f = readExpand(c, e); f != nil {
		return nil, f
	}
	advanced := c.eventual() && strings.EqualFold(q.Get("$count"), "true")
	o.count = advanced
	if f := o.readFilter(c, s, advanced); f != nil {
		return nil, f
	}
	if f := o.readSearch(c, s); f != nil {
		return nil, f
	}
	if f := o.readOrder(c, s, advanced); f != nil {
		return nil, f
	}
	if text := q.Get("$skiptoken"); text != "" {
		t, err := parsePageToken(text)
		if err != nil || t.set != e.set {
			return nil, &failure{status: 400, code: "Directory_ExpiredPageToken", message: "The specified page token value has expired and can no longer be included in your request."}
		}
		o.from = &t
	}
	return o, nil
}

func readSelect[T any](c *call, e *entity[T]) ([]int, *failure) {
	text := c.query.Get("$select")
	if text == "" {
		return nil, nil
	}
	chosen := []int{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "*" {
			return nil, nil
		}
		i := e.find(name)
		if i < 0 {
			return nil, malformed("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", name, e.name)
		}
		chosen = append(chosen, i)
	}
	return chosen, nil
}

// readExpand knows owners, the one navigation that inventories expand.
func readExpand[T any](c *call, e *entity[T]) (bool, *failure) {
	text := strings.TrimSpace(c.query.Get("$expand"))
	if text == "" {
		return false, nil
	}
	name, _, _ := strings.Cut(text, "(")
	if !strings.EqualFold(name, "owners") || e.set == "users" {
		return false, malformed("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", text, e.name)
	}
	return true, nil
}

func (o *options) readFilter(c *call, s *schema, advanced bool) *failure {
	text := strings.TrimSpace(c.query.Get("$filter"))
	if text == "" {
		return nil
	}
	f, err := parseFilter(s, text)
	if bad, ok := errors.AsType[unsupported](err); ok {
		return unsupportedQuery("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", bad.property, s.resource())
	}
	if err != nil {
		return badRequest("Invalid filter clause: %s", err.Error())
	}
	if f.advanced && !advanced {
		return unsupportedQuery("Operator or function is not supported for this property without the header 'ConsistencyLevel: eventual' and $count=true. See https://aka.ms/graph-docs/advanced-queries")
	}
	o.filter = f
	return nil
}

func (o *options) readSearch(c *call, s *schema) *failure {
	text := strings.TrimSpace(c.query.Get("$search"))
	if text == "" {
		return nil
	}
	if !c.eventual() {
		return unsupportedQuery("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	}
	search, err := parseSearch(s, text)
	if err != nil {
		return badRequest("%s", err.Error())
	}
	o.search = search
	return nil
}

func (o *options) readOrder(c *call, s *schema, advanced bool) *failure {
	text := strings.TrimSpace(c.query.Get("$orderby"))
	if text == "" {
		return nil
	}
	if (o.filter != nil || o.search != nil) && !advanced {
		return unsupportedQuery("Sorting not supported for current query.")
	}
	words := strings.Fields(text)
	for known, kind := range s.fields {
		if strings.EqualFold(known, words[0]) && (kind == textValue || kind == timeValue) {
			o.orderBy = known
		}
	}
	if o.orderBy == "" || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
		return unsupportedQuery("Unsupported sort property '%s' for '%s'.", words[0], s.resource())
	}
	o.reverse = len(words) == 2 && words[1] == "desc"
	return nil
}

// resource is the entity's short name as error texts have it.
func (s *schema) resource() string {
	short := s.entity[strings.LastIndexByte(s.entity, '.')+1:]
	return strings.ToUpper(short[:1]) + short[1:]
}
