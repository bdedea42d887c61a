package graph

import "strings"

// comparison builds path operator literal. Texts are compared without regard to
// case, as the directory does.
func comparison(path, operator string, literal value) (func(source) bool, error) {
	if literal.null {
		switch operator {
		case "eq":
			return func(o source) bool { return o(path).null }, nil
		case "ne":
			return func(o source) bool { return !o(path).null }, nil
		}
		return nil, unsupported{path}
	}
	var compare func(v value) int
	switch literal.kind {
	case textValue:
		wanted := literal.text
		compare = func(v value) int {
			if len(v.text) == len(wanted) && strings.EqualFold(v.text, wanted) {
				return 0
			}
			return strings.Compare(strings.ToLower(v.text), strings.ToLower(wanted))
		}
		if operator == "eq" {
			return func(o source) bool { v := o(path); return !v.null && strings.EqualFold(v.text, wanted) }, nil
		}
	case flagValue:
		if operator != "eq" && operator != "ne" {
			return nil, unsupported{path}
		}
		compare = func(v value) int {
			if v.flag == literal.flag {
				return 0
			}
			return 1
		}
	case timeValue:
		compare = func(v value) int { return v.time.Compare(literal.time) }
	case numberValue:
		compare = func(v value) int { return int(v.number - literal.number) }
	default:
		return nil, unsupported{path}
	}
	var holds func(int) bool
	switch operator {
	case "eq":
		holds = func(n int) bool { return n == 0 }
	case "ne":
		return func(o source) bool { v := o(path); return v.null || compare(v) != 0 }, nil
	case "ge":
		holds = func(n int) bool { return n >= 0 }
	case "gt":
		holds = func(n int) bool { return n > 0 }
	case "le":
		holds = func(n int) bool { return n <= 0 }
	case "lt":
		holds = func(n int) bool { return n < 0 }
	}
	return func(o source) bool { v := o(path); return !v.null && holds(compare(v)) }, nil
}
