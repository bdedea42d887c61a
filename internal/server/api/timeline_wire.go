package api

import (
	"fmt"
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/trail"
)

func wireTimeline(e trail.Event) wire.TimelineEvent {
	out := wire.TimelineEvent{
		ID: e.ID, Time: e.Time, Action: e.Action, Who: e.Who(), What: e.What(), Outcome: e.Outcome, Actor: e.Actor.Name, ActorKind: e.Actor.Kind,
		ActorID: string(e.Actor.ID), ActorClientID: string(e.Actor.ClientID), Address: e.Actor.Address, Through: e.Through, Application: e.Name, ObjectID: e.Object, ClientID: e.ClientID,
		KeyID: e.KeyID, CredentialKind: e.Kind, Label: e.Label, Version: e.Version, Operation: e.Operation, Correlation: e.Correlation, Detail: e.Detail,
		Sources: []wire.TimelineSeen{},
	}
	if e.Entry != "" {
		out.Place = e.Place().String()
	}
	if e.Ours != nil {
		out.Rotation, out.Recognised = e.Ours.Rotation, e.Ours.By
	}
	for _, s := range e.Sources {
		out.Sources = append(out.Sources, wire.TimelineSeen{Source: s.Source, ID: s.ID, Arrived: s.Arrived})
	}
	return out
}

func wireSource(s trail.Status) wire.TrailSource {
	out := wire.TrailSource{
		Name: s.Name, State: s.State, Problem: s.Problem, Records: s.Records, Looked: s.Looked, Newest: s.Newest, Through: s.Through,
		LagSeconds: float32(s.Lag.Seconds()), KeepsDays: float32(s.Keeps.Hours() / 24), Gaps: []wire.TrailGap{},
	}
	for _, g := range s.Gaps {
		out.Gaps = append(out.Gaps, wire.TrailGap{From: g.From, To: g.To, State: g.State, Why: g.Why, Found: g.Found, Ended: g.Ended})
	}
	return out
}

func wireClosing(c trail.Closing) wire.Closing {
	out := wire.Closing{
		Day: c.Day.Format(time.DateOnly), Closed: c.Closed, Balanced: c.Balanced(), Intents: c.Intents, Adds: c.Adds, Others: c.Others, Unseen: []string{},
		Unintended: each(c.Unintended, wireTimeline),
	}
	for _, i := range c.Unseen {
		out.Unseen = append(out.Unseen, fmt.Sprintf("%s %s", i.Rotation, i.KeyID))
	}
	return out
}
