package ui

import (
	"net/http"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

var taskStates = []api.ListTasksParamsState{
	api.ListTasksParamsStatePending, api.ListTasksParamsStateOpen, api.ListTasksParamsStateViewed, api.ListTasksParamsStateEscalated, api.ListTasksParamsStateDone, api.ListTasksParamsStateDropped,
}

// tasks lists what people have to do.
func (c *Console) tasks(w http.ResponseWriter, v *visit) error {
	page, err := v.api.TaskPage(v.Context(), api.ListTasksParams{State: api.ListTasksParamsState(v.query("state")), Rotation: v.query("rotation"), After: v.query("after"), Limit: pageSize})
	if err != nil {
		return err
	}
	empty := Empty{Title: "Nobody has anything to do", Detail: "A task appears when a consumer cannot be told by a program: then a person enters the new value and says so."}
	if filtered(v.URL.Query()) {
		empty = Empty{Title: "No task is like that", Action: Link{Text: plain("Show all"), Href: "/tasks"}}
	}
	list := listView{Table: tasksTable(page.Value, v.now, empty), Pager: pager(v.Request, len(page.Value), "task", client.Position(page.NextLink))}
	list.Filter = filterOf("/tasks", v.URL.Query(), []Field{{Name: "state", Label: "State", Kind: "select", Options: options("All", func(s api.ListTasksParamsState) string { return taskWord(string(s)) }, taskStates...)}},
		map[string]func(string) string{"state": func(s string) string { return "State: " + taskWord(s) }, "rotation": named("Rotation")})
	return c.show(w, v, "list", Page{Title: "Tasks", Section: "tasks", Lead: "What people have to do so that a rotation goes on.", Live: 15, Body: list})
}

func tasksTable(list []api.Task, now time.Time, empty Empty) Table {
	var rows []Row
	for _, t := range list {
		row := Row{Cells: []Cell{
			linkCell(t.Consumer, taskPath(t.ID)).with(t.Application), taskState(t, now), textCell(words(cmpOr(t.Asked, t.Person)).or("nobody named")), whenCell(moment(t.Deadline, now), "none"), linkCell(t.Rotation, rotationPath(t.Rotation)),
		}}
		if pending(t) && t.Deadline.Before(now) {
			row.Tone = "bad"
		} else if pending(t) {
			row.Tone = "warn"
		}
		rows = append(rows, row)
	}
	return table("Tasks of people", columns("Consumer", "State", "Who is asked", "Until", "Rotation"), rows, empty)
}

func taskPath(id string) string { return "/tasks/" + escape(id) }

func pending(t api.Task) bool { return t.State != api.TaskStateDone && t.State != api.TaskStateDropped }

func taskState(t api.Task, now time.Time) Cell {
	switch {
	case t.State == api.TaskStateDone:
		return badgeCell("good", "Done")
	case t.State == api.TaskStateDropped:
		return badgeCell("none", "Not needed any more")
	case t.Deadline.Before(now):
		return badgeCell("bad", "Overdue")
	}
	return badgeCell("warn", taskWord(string(t.State)))
}

func taskWord(s string) string {
	switch s {
	case "pending":
		return "Not done yet"
	case "open":
		return "Open"
	case "viewed":
		return "Link was opened"
	case "escalated":
		return "Passed on"
	case "done":
		return "Done"
	case "dropped":
		return "Not needed any more"
	}
	return visible(s)
}

// task shows one task, and takes the word that it is done.
func (c *Console) task(w http.ResponseWriter, v *visit) error {
	t, err := v.api.Task(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	view := sheetsView{Answer: &answer{State: Badge{"warn", taskWord(string(t.State))}, Sentence: words("The new value of " + t.Application + " has to be entered at " + t.Consumer + ".")}}
	if !pending(t) {
		view.Answer.State, view.Answer.Sentence = *taskState(t, v.now).Badge, words("Nothing is left to do: "+taskWord(string(t.State))+" "+relative(t.Ended, v.now)+".")
	}
	view.Answer.Detail = words(t.Reference)
	view.Sheets = []sheet{facts("facts", "What it is about", taskFacts(t, v.now))}
	if pending(t) && v.may(access.LinkTask) {
		view.Sheets = append(view.Sheets, sheet{ID: "link", Title: "Hand the value over", Lead: plain("A one-time link shows the new value once, to whoever opens it and presses the button. Send it to the person only. An earlier link of this task ends."), Links: []Link{{Text: plain("Make a one-time link"), Href: taskPath(t.ID) + "/link"}}})
	}
	p := Page{Title: t.Consumer, Section: "tasks", Lead: "A task in the rotation of " + visible(cut(t.Application, shortText)), Crumbs: []Link{{Text: plain("Tasks"), Href: "/tasks"}}, Body: view}
	if pending(t) && v.may(access.FinishTask) {
		p.Actions = []Link{{Text: plain("It is done"), Href: taskPath(t.ID) + "/done", Tone: "primary"}}
	}
	return c.show(w, v, "sheet", p)
}

func taskFacts(t api.Task, now time.Time) Facts {
	f := Facts{
		{"Consumer", []Cell{linkCell(t.Consumer, consumerPath(t.Consumer)).with(t.Reference)}}, {"Application", []Cell{wordCell(t.Application)}}, {"Rotation", []Cell{linkCell(t.Rotation, rotationPath(t.Rotation))}},
		{"Who is asked", []Cell{textCell(words(t.Asked).or("nobody named"))}}, {"Until", []Cell{whenCell(moment(t.Deadline, now), "no end")}}, {"Asked", []Cell{whenCell(moment(t.Opened, now), "")}},
		{"The value is kept in", []Cell{textCell(words(t.Place).or("not known"))}}, {"New key id", []Cell{codeCell(t.KeyID)}},
	}
	add := func(name string, w *When) {
		if w != nil {
			f = append(f, Fact{name, []Cell{{When: w}}})
		}
	}
	add("Link opened", moment(t.Viewed, now))
	add("Passed on to the deputy", moment(t.Escalated, now))
	if t.Reminded > 0 {
		f = append(f, Fact{"Reminded", []Cell{textCell(plain(count(t.Reminded, "time")))}})
	}
	if t.Note != "" || t.By != "" {
		f = append(f, Fact{"Done by", []Cell{textCell(words(t.By).or("not known")).with(t.Note)}})
	}
	return f
}

// finishTask takes the word that a task is done.
func (c *Console) finishTask(w http.ResponseWriter, v *visit) error {
	t, err := v.api.Task(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofTask(t, "Is it done?", "It is done")
	q.What = lines("You say that "+t.Consumer+" uses the new value.", "The rotation goes on with your word; later the old value stops working.")
	q.Fields = []Field{{Name: "note", Label: "How you know", Kind: "area", Required: true, Longest: 1000, Hint: "It stands in the audit log with your name."}}
	return c.act(w, v, q, func() (string, Notice, error) {
		_, err := v.api.FinishTask(v.Context(), t.ID, v.field("note"))
		return taskPath(t.ID), good("Your word is recorded, and the rotation goes on."), err
	})
}

func ofTask(t api.Task, title, button string) Confirm {
	return Confirm{Title: title, Section: "tasks", Button: button, Cancel: taskPath(t.ID), Crumbs: []Link{{Text: plain("Tasks"), Href: "/tasks"}, {Text: words(t.Consumer), Href: taskPath(t.ID)}},
		Facts: Facts{{"Consumer", []Cell{wordCell(t.Consumer).with(t.Reference)}}, {"Application", []Cell{wordCell(t.Application)}}}}
}

// linkTask makes a one-time link and shows it, once.
func (c *Console) linkTask(w http.ResponseWriter, v *visit) error {
	t, err := v.api.Task(v.Context(), v.PathValue("id"))
	if err != nil {
		return err
	}
	q := ofTask(t, "Make a one-time link?", "Make the link")
	q.What = lines("Whoever opens the link and presses the button sees the new value, once.", "An earlier link of this task ends.")
	if v.Method != http.MethodPost {
		return c.asking(w, v, q, 0)
	}
	l, err := v.api.LinkTask(v.Context(), t.ID)
	if err != nil {
		return err
	}
	view := sheetsView{Answer: &answer{State: Badge{"good", "Made"}, Sentence: plain("The link is shown here once. Copy it now."), Detail: plain("Send it to the person only, by a way that you trust.")}}
	view.Sheets = []sheet{{ID: "link", Title: "One-time link", Raw: origin(v.Request) + l.Path, Facts: Facts{{"Ends", []Cell{whenCell(moment(l.Expires, v.now), "")}}}, Links: []Link{{Text: plain("Back to the task"), Href: taskPath(t.ID)}}}}
	return c.show(w, v, "sheet", Page{Title: "One-time link", Section: "tasks", Crumbs: q.Crumbs, Body: view})
}

// origin is how the browser has reached this server.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
