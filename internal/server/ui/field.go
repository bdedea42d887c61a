package ui

// A template asks only yes or no.

func (f Field) Hidden() bool { return f.Kind == "hidden" }
func (f Field) Check() bool  { return f.Kind == "check" }
func (f Field) Select() bool { return f.Kind == "select" }
func (f Field) Area() bool   { return f.Kind == "area" }
