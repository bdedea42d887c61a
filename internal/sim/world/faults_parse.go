package world

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxFaultText keeps the search for the end of a pattern short.
const maxFaultText = 2000

// ParseFault reads a fault as people write it on a command line:
//
//	NAME[:METHOD host/path[:skip=2,times=1,rate=0.5,delay=5s,value=x]]
//
// such as "lost-answer:POST graph.microsoft.com/v1.0/applications/*/addPassword:times=1".
// A value takes all the text up to the end, so it stands last. The pattern may
// be left out: "secret-lag:delay=2m".
func ParseFault(text string) (Fault, error) {
	if len(text) > maxFaultText {
		return Fault{}, fmt.Errorf("a fault of %d characters is too long; the longest has %d", len(text), maxFaultText)
	}
	name, rest, _ := strings.Cut(text, ":")
	fault := Fault{Name: strings.TrimSpace(name)}
	fault.Match, rest = splitOptions(rest)
	if err := fault.setOptions(rest); err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return fault, fault.Check()
}

// splitOptions finds where the pattern ends. Patterns may hold colons, so the
// options begin at the first colon after which everything reads as options.
func splitOptions(rest string) (match, options string) {
	readable := func(s string) bool { return new(Fault).setOptions(s) == nil }
	if rest != "" && readable(rest) {
		return "", rest
	}
	for i := range len(rest) {
		if rest[i] == ':' && readable(rest[i+1:]) {
			return rest[:i], rest[i+1:]
		}
	}
	// A slip in the options should be named as one, not taken for a pattern.
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && strings.Contains(rest[i:], "=") {
		return rest[:i], rest[i+1:]
	}
	if first, _, ok := strings.Cut(rest, "="); ok && !strings.ContainsAny(first, " /*.") {
		return "", rest
	}
	return rest, ""
}

func (f *Fault) setOptions(text string) (err error) {
	for text != "" {
		var option string
		key, after, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("option %q is not of the form key=value", text)
		}
		if key == "value" {
			f.Value = after
			return nil
		}
		option, text, _ = strings.Cut(after, ",")
		switch key {
		case "skip":
			f.Skip, err = count(option)
		case "times":
			f.Times, err = count(option)
		case "rate":
			f.Rate, err = strconv.ParseFloat(option, 64)
		case "delay":
			f.Delay, err = time.ParseDuration(option)
		default:
			return fmt.Errorf("unknown option %q; the options are skip, times, rate, delay, value", key)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", key, err)
		}
	}
	return nil
}

func count(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

// String writes a fault in the form that ParseFault reads.
func (f Fault) String() string {
	var options []string
	add := func(set bool, key string, value any) {
		if set {
			options = append(options, fmt.Sprintf("%s=%v", key, value))
		}
	}
	add(f.Skip != 0, "skip", f.Skip)
	add(f.Times != 0, "times", f.Times)
	add(f.Rate != 0, "rate", f.Rate)
	add(f.Delay != 0, "delay", f.Delay)
	add(f.Value != "", "value", f.Value)
	switch {
	case len(options) > 0:
		return f.Name + ":" + f.Match + ":" + strings.Join(options, ",")
	case strings.ContainsAny(f.Match, ":="):
		return f.Name + ":" + f.Match + ":"
	case f.Match != "":
		return f.Name + ":" + f.Match
	}
	return f.Name
}

// Check says what is wrong with a fault, if anything.
func (f Fault) Check() error {
	if !slices.Contains(Names, f.Name) {
		return fmt.Errorf("unknown fault %q; the faults are %s", f.Name, strings.Join(Names, ", "))
	}
	if _, err := path.Match(f.Match, ""); err != nil {
		return fmt.Errorf("fault %s: bad pattern %q: %w", f.Name, f.Match, err)
	}
	if !(f.Rate >= 0 && f.Rate <= 1) {
		return fmt.Errorf("fault %s: rate %v is outside 0..1", f.Name, f.Rate)
	}
	if f.Skip < 0 || f.Times < 0 {
		return fmt.Errorf("fault %s: skip and times cannot be negative", f.Name)
	}
	return f.checkValue()
}

// checkValue looks at the values of the faults of the wire; those of the others
// are the business of the surface that has the sickness.
func (f Fault) checkValue() error {
	if f.Value == "" {
		return nil
	}
	switch f.Name {
	case ErrorBefore, ErrorAfter, WrongBody:
		number, _, _ := strings.Cut(f.Value, " ")
		if status, err := count(number); err != nil || status < 200 || status > 599 {
			return fmt.Errorf("fault %s: value %q does not begin with an HTTP status", f.Name, f.Value)
		}
	case Throttled:
		if _, err := count(f.Value); err != nil {
			return fmt.Errorf("fault %s: value %q is not a number of seconds", f.Name, f.Value)
		}
	case Duplicate:
		if f.Value != "first" {
			return fmt.Errorf("fault %s: value %q is not \"first\"", f.Name, f.Value)
		}
	}
	return nil
}

// ParseFaults reads a JSON list of faults. Each is a text as ParseFault reads it
// or an object with the fields of Fault; delay may be a text such as "5s".
func ParseFaults(data []byte) ([]Fault, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, fmt.Errorf("the faults are not a JSON list: %w", err)
	}
	faults := make([]Fault, 0, len(items))
	for i, item := range items {
		fault, err := parseItem(item)
		if err != nil {
			return nil, fmt.Errorf("fault number %d: %w", i+1, err)
		}
		faults = append(faults, fault)
	}
	return faults, nil
}

func parseItem(item json.RawMessage) (Fault, error) {
	var text string
	if json.Unmarshal(item, &text) == nil {
		return ParseFault(text)
	}
	var object struct {
		Fault
		Delay any `json:"delay"` // hides Fault's, which knows only nanoseconds
	}
	decoder := json.NewDecoder(bytes.NewReader(item))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&object); err != nil {
		return Fault{}, err
	}
	switch delay := object.Delay.(type) {
	case nil:
	case float64:
		object.Fault.Delay = time.Duration(delay)
	case string:
		d, err := time.ParseDuration(delay)
		if err != nil {
			return Fault{}, fmt.Errorf("delay: %w", err)
		}
		object.Fault.Delay = d
	default:
		return Fault{}, fmt.Errorf("delay is neither a number of nanoseconds nor a text such as \"5s\"")
	}
	return object.Fault, object.Fault.Check()
}

// Replace makes the list all that is on. A fault that was on before, unchanged,
// keeps its counts, so that one that has struck its last does not begin anew.
func (f *Faults) Replace(list []Fault) error {
	for _, fault := range list {
		if err := fault.Check(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.list
	f.list = nil
	for _, fault := range list {
		next := &active{Fault: fault}
		if i := slices.IndexFunc(old, func(a *active) bool { return a.Fault == fault }); i >= 0 {
			next = old[i]
			old = slices.Delete(old, i, i+1)
		}
		f.list = append(f.list, next)
	}
	return nil
}
