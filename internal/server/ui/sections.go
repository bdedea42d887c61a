package ui

import "rekey.example/rekey/internal/access"

// section is an entry of the navigation.
type section struct {
	id, group, title, path string
	need                   access.Action
}

// sections is the whole navigation, in its order.
var sections = []section{
	{"home", "", "Home", "/", access.ReadInventory},
	{"credentials", "Know", "Credentials", "/credentials", access.ReadInventory},
	{"applications", "Know", "Applications", "/applications", access.ReadInventory},
	{"vaults", "Know", "Vaults", "/vaults", access.ReadInventory},
	{"consumers", "Know", "Consumers", "/consumers", access.ReadInventory},
	{"rotations", "Renew", "Rotations", "/rotations", access.ReadRotations},
	{"approvals", "Renew", "Approvals", "/approvals", access.ApproveRotation},
	{"schedule", "Renew", "Schedule", "/schedule", access.ReadSchedule},
	{"tasks", "Renew", "Tasks", "/tasks", access.ReadTasks},
	{"incidents", "Renew", "Incidents", "/incidents", access.ReadIncidents},
	{"alerts", "Judge", "Alerts", "/alerts", access.ReadAlerts},
	{"findings", "Judge", "Findings", "/findings", access.ReadPolicy},
	{"policy", "Judge", "Policy", "/policy", access.ReadPolicy},
	{"audit", "Judge", "Audit", "/audit", access.ReadAudit},
	{"diagnose", "Run", "Diagnose", "/diagnose", access.RunDiagnosis},
	{"people", "Run", "People", "/people", access.ReadPeople},
	{"settings", "Run", "Settings", "/settings", access.ReadKeys},
}

// built are the sections whose page is there.
func built(routes map[string]bool) (list []section) {
	for _, s := range sections {
		pattern := "GET " + s.path
		if s.path == "/" {
			pattern = "GET /{$}"
		}
		if routes[pattern] {
			list = append(list, s)
		}
	}
	return list
}

// group is a part of the navigation, as it is shown.
type group struct {
	Title string
	Links []Link
}

// navigation is what the actor may see, with the current section marked.
func (c *Console) navigation(a access.Actor, current string) (list []group) {
	for _, s := range c.sections {
		if a.Check(s.need) != nil {
			continue
		}
		if len(list) == 0 || list[len(list)-1].Title != s.group {
			list = append(list, group{Title: s.group})
		}
		g := &list[len(list)-1]
		g.Links = append(g.Links, Link{Text: plain(s.title), Href: s.path, Icon: s.id, Current: s.id == current})
	}
	return list
}
