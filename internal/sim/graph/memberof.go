package graph

import "net/http"

// listMemberOf lists the directory roles of a service principal; it is in no group. See
// https://learn.microsoft.com/graph/api/serviceprincipal-list-memberof
func (c *call) listMemberOf(keys []string) (a *answer, f *failure) {
	c.w.Read(func() {
		t, missing := c.target(keys[0])
		if missing != nil {
			f = missing
			return
		}
		b := appendText([]byte(`{"@odata.context":`), c.context("directoryObjects"))
		b = append(b, `,"value":[`...)
		for i, name := range t.sp.MemberOf {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(append(b, `{"@odata.type":"#microsoft.graph.directoryRole","id":`...), assignmentID(t.sp.ID, name))
			b = append(appendText(append(b, `,"displayName":`...), name), '}')
		}
		a = &answer{status: http.StatusOK, body: append(b, "]}"...)}
	})
	return a, f
}
