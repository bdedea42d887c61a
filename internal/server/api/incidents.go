package api

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/access"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

// ListIncidents lists incidents, the newest first.
func (s *service) ListIncidents(ctx context.Context, in ListIncidentsRequestObject) (ListIncidentsResponseObject, error) {
	u := requestOf(ctx).URL
	keys, err := after(u, 2)
	if err != nil {
		return nil, err
	}
	var before rotation.Cursor
	if keys != nil {
		if before, err = cursor(keys[0], keys[1]); err != nil {
			return nil, err
		}
	}
	list, more, err := s.Rotations.Incidents(ctx, actorOf(ctx), before, in.Params.Limit)
	if err != nil {
		return nil, err
	}
	page := ListIncidents200JSONResponse{Value: each(list, func(i *rotation.Incident) wire.Incident {
		w := wireIncident(i)
		w.Items = []wire.IncidentItem{}
		return w
	})}
	if more {
		last := list[len(list)-1]
		page.NextLink = next(u, strconv.FormatInt(last.Opened.UnixMilli(), 10), last.ID)
	}
	return page, nil
}

// OpenIncident opens an incident, or says what it would do.
func (s *service) OpenIncident(ctx context.Context, in OpenIncidentRequestObject) (OpenIncidentResponseObject, error) {
	actor := actorOf(ctx)
	if err := actor.Check(access.OpenIncident); err != nil {
		return nil, err
	}
	targets, err := s.targets(ctx, actor, *in.Body)
	if err != nil {
		return nil, err
	}
	q := rotation.IncidentRequest{
		Reason: in.Body.Reason, Plan: string(in.Body.Plan), Others: rotation.Others(in.Body.Others), BreakGlass: in.Body.BreakGlass, Targets: targets,
	}
	if in.Body.DryRun {
		i, err := s.Rotations.PlanIncident(ctx, actor, q)
		if err != nil {
			return nil, err
		}
		return OpenIncident200JSONResponse(wireIncident(i)), nil
	}
	id, err := s.openOnce(ctx, actor, in.Params.IdempotencyKey, *in.Body, q)
	if err != nil {
		return nil, err
	}
	s.wake()
	i, err := s.Rotations.Incident(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return OpenIncident201JSONResponse{Body: wireIncident(i), Headers: OpenIncident201ResponseHeaders{Location: "/v1/incidents/" + i.ID}}, nil
}

// openOnce opens an incident for the first request with a key, and answers every
// further one with the same incident. Two of them at the same moment wait for each
// other, for two incidents of one list would be approved twice.
func (s *service) openOnce(ctx context.Context, actor access.Actor, key string, asked wire.IncidentRequest, q rotation.IncidentRequest) (id string, err error) {
	if key == "" {
		i, err := s.Rotations.OpenIncident(ctx, actor, q)
		if err != nil {
			return "", err
		}
		return i.ID, nil
	}
	hash := requestHash(asked)
	err = s.Store.Alone(ctx, "incident "+actor.Tenant+" "+actor.ID+" "+key, func() error {
		s.opening.Lock()
		defer s.opening.Unlock()
		if id, err = s.answered(ctx, actor, key, hash); err != nil || id != "" {
			return err
		}
		i, err := s.Rotations.OpenIncident(ctx, actor, q)
		if err != nil {
			return err
		}
		id = i.ID
		if err := s.remember(ctx, actor, key, hash, id); err != nil {
			s.Logger.Warn("cannot remember an Idempotency-Key", "incident", id, "error", err.Error())
		}
		return nil
	})
	return id, err
}

// GetIncident tells where an incident stands.
func (s *service) GetIncident(ctx context.Context, in GetIncidentRequestObject) (GetIncidentResponseObject, error) {
	i, err := s.Rotations.Incident(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	s.watched()
	return GetIncident200JSONResponse{IncidentJSONResponse(wireIncident(i))}, nil
}

// ApproveIncident records an approval of the whole list.
func (s *service) ApproveIncident(ctx context.Context, in ApproveIncidentRequestObject) (ApproveIncidentResponseObject, error) {
	i, err := s.Rotations.ApproveIncident(ctx, actorOf(ctx), in.ID, in.Body.Hash)
	if err != nil {
		return nil, err
	}
	s.wake()
	return ApproveIncident200JSONResponse{IncidentJSONResponse(wireIncident(i))}, nil
}

// CloseIncident closes an incident.
func (s *service) CloseIncident(ctx context.Context, in CloseIncidentRequestObject) (CloseIncidentResponseObject, error) {
	i, err := s.Rotations.CloseIncident(ctx, actorOf(ctx), in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return CloseIncident200JSONResponse{IncidentJSONResponse(wireIncident(i))}, nil
}

// ReportIncident tells what became of everything that was named.
func (s *service) ReportIncident(ctx context.Context, in ReportIncidentRequestObject) (ReportIncidentResponseObject, error) {
	i, err := s.Rotations.Incident(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	switch in.Params.Format {
	case wire.ReportFormatCsv:
		err := i.WriteCSV(&b)
		return ReportIncident200TextCsvResponse{Body: &b, ContentLength: int64(b.Len())}, err
	case wire.ReportFormatMarkdown:
		err := i.WriteMarkdown(&b)
		return ReportIncident200TextMarkdownResponse{Body: &b, ContentLength: int64(b.Len())}, err
	}
	c := i.Counts()
	return ReportIncident200JSONResponse{Complete: i.State != rotation.IncidentOpening && c.Waiting+c.Going == 0, Incident: wireIncident(i)}, nil
}

// targets finds everything that a request names. What is not found is a target
// all the same.
func (s *service) targets(ctx context.Context, by access.Actor, q wire.IncidentRequest) ([]rotation.Target, error) {
	named := q.Applications
	seen := map[string]bool{}
	var list []rotation.Target
	for _, text := range named {
		text = strings.TrimSpace(text)
		if text == "" || seen[strings.ToLower(text)] {
			continue
		}
		seen[strings.ToLower(text)] = true
		found, err := s.named(ctx, by, text, q.Kind)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	if q.Name == "" {
		return list, nil
	}
	found, err := s.called(ctx, by, q)
	return append(list, found...), err
}

// called are the applications with a part of a name.
func (s *service) called(ctx context.Context, by access.Actor, q wire.IncidentRequest) (list []rotation.Target, err error) {
	search := inventory.ApplicationQuery{Name: q.Name, Limit: 1000}
	for {
		page, more, err := s.Inventory.Applications(ctx, by, search)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			found, err := s.named(ctx, by, string(a.ObjectID), q.Kind)
			if err != nil {
				return nil, err
			}
			for _, t := range found {
				// Every service principal has the name of its application; one without
				// credentials of its own is not what was meant.
				if t.Request == nil && a.Holder == inventory.InServicePrincipals && t.Problem == nothingThere {
					continue
				}
				t.Named = a.Name
				list = append(list, t)
			}
		}
		if more == "" {
			break
		}
		search.After = more
	}
	if len(list) == 0 {
		list = append(list, rotation.Target{Named: q.Name, Problem: "not found: no application has this in its name", Cure: "rekey sync reads the directory again; rekey applications list shows what is known"})
	}
	return list, nil
}

const nothingThere = "it has no credential of that kind"

// named are the targets that one text means: every credential of an application,
// or the one credential.
func (s *service) named(ctx context.Context, by access.Actor, text string, kind wire.IncidentKind) ([]rotation.Target, error) {
	t, err := s.Inventory.Resolve(ctx, by, text)
	if err != nil {
		p, _ := problem(ctx, unclear(err))
		if p.Status != 404 && p.Status != 409 {
			return nil, err
		}
		return []rotation.Target{{Named: text, Problem: "not found: " + p.Detail, Cure: p.Hint}}, nil
	}
	var list []rotation.Target
	for _, c := range t.Credentials {
		if !ofKind(c.Kind, kind) && !t.Named {
			continue
		}
		if c.Kind == inventory.SAMLSigning {
			list = append(list, rotation.Target{
				Named: text, Problem: c.KeyID + " of " + t.Application.Name + " signs SAML answers; rekey never touches it",
				Cure: "the other side has to know its successor first: renew it in the Entra admin centre",
			})
			continue
		}
		detail, err := s.Inventory.Credential(ctx, by, c.KeyID)
		if err != nil {
			return nil, err
		}
		q, err := s.request(wire.RotationRequest{Plan: wire.PlanNameEmergency}, t.Application, c, detail)
		if err != nil {
			p, _ := problem(ctx, err)
			list = append(list, rotation.Target{Named: text, Problem: c.KeyID + " of " + t.Application.Name + ": " + p.Detail, Cure: p.Hint})
			continue
		}
		list = append(list, rotation.Target{Named: text, Request: &q})
	}
	if len(list) == 0 {
		return []rotation.Target{{Named: text, Problem: nothingThere, Cure: "rekey applications show lists what it has; rekey sync reads it again"}}, nil
	}
	return inUseFirst(list), nil
}

// inUseFirst puts first what is renewed if only one can be: a credential whose
// place is known, still valid, used last.
func inUseFirst(list []rotation.Target) []rotation.Target {
	best := -1
	for n, t := range list {
		if t.Request != nil && (best < 0 || better(t.Request, list[best].Request)) {
			best = n
		}
	}
	if best <= 0 {
		return list
	}
	out := []rotation.Target{list[best]}
	out = append(out, list[:best]...)
	return append(out, list[best+1:]...)
}

func better(a, b *rotation.Request) bool {
	if (a.Place.Name != "") != (b.Place.Name != "") {
		return a.Place.Name != ""
	}
	if !a.Old.LastUsed.Equal(b.Old.LastUsed) {
		return a.Old.LastUsed.After(b.Old.LastUsed)
	}
	return a.Old.Expires.After(b.Old.Expires)
}

func ofKind(k inventory.Kind, wanted wire.IncidentKind) bool {
	switch wanted {
	case wire.IncidentKindSecret:
		return k == inventory.ClientSecret
	case wire.IncidentKindCertificate:
		return k == inventory.Certificate
	case wire.IncidentKindKey:
		return k == inventory.AccessKey
	}
	return true
}

func wireIncident(i *rotation.Incident) wire.Incident {
	c := i.Counts()
	out := wire.Incident{
		ID: i.ID, Plan: wire.IncidentPlan(i.Plan), Others: wire.IncidentOthers(i.Others), Reason: i.Reason, BreakGlass: i.BreakGlass,
		By: wireActor(i.By), Opened: i.Opened, State: wire.IncidentState(i.State), Hash: i.Hash, Closed: i.Closed, Remark: i.Remark,
		Counts: wire.IncidentCounts{Items: c.Items, Waiting: c.Waiting, Going: c.Going, Done: c.Done, Kept: c.Kept, Failed: c.Failed, Live: c.Live, Withdrawn: c.Withdrawn},
		Items:  []wire.IncidentItem{},
	}
	if c := i.Consent; c != nil {
		out.Consent = &wire.Consent{By: wireActor(c.By), At: c.At, Hash: c.Hash, Expires: c.Expires, Used: c.Used}
	}
	if i.ClosedBy != nil {
		out.ClosedBy = new(wireActor(*i.ClosedBy))
	}
	for n, l := range i.Report() {
		out.Items = append(out.Items, wire.IncidentItem{
			N: i.Items[n].N, Named: l.Named, Application: l.Application, ObjectID: l.ObjectID, Kind: l.Kind, KeyID: l.KeyID, Label: l.Label,
			State: wire.ItemState(l.State), What: l.What, Cure: l.Cure, Rotation: l.Rotation, NewKeyID: l.NewKeyID, Evidence: l.Evidence,
			RefusedWith: l.Refused, Withdrawn: l.Withdrawn, TokensUntil: l.TokensUntil, Removed: l.Removed, Kept: l.Kept,
		})
	}
	return out
}
