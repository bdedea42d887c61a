package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/diagnosis"
	"rekey.example/rekey/internal/secret"
)

// Diagnose finds the first broken link.
func (s *service) Diagnose(ctx context.Context, in DiagnoseRequestObject) (DiagnoseResponseObject, error) {
	b := in.Body
	q := diagnosis.Inquiry{Text: b.Text, App: b.Application, Entry: b.Entry, Endpoint: b.Endpoint, Hint: b.Hint, Length: b.Length}
	if b.Secret != "" {
		q.Secret = secret.New(b.Secret)
	}
	walk, err := s.Diagnosis.Diagnose(ctx, actorOf(ctx), q)
	if errors.Is(err, diagnosis.ErrNothing) {
		return nil, invalid("text", "is missing, and so are application, entry and endpoint")
	}
	if err != nil {
		return nil, err
	}
	f, a := walk.Facts, walk.Answer
	return Diagnose200JSONResponse{
		Began: walk.Began,
		About: wire.DiagnosisFacts{Client: f.Client, Tenant: f.Tenant, Vault: f.Vault, Entry: f.Secret, Environment: f.Environment, Endpoint: f.Endpoint,
			Target: f.Topic, Site: f.Site, Correlation: f.Correlation, Time: f.Time, Masked: f.Masked},
		Symptoms: each(walk.Symptoms, func(y diagnosis.Symptom) wire.DiagnosisSymptom {
			return wire.DiagnosisSymptom{Name: y.Name, Codes: y.Codes, Meaning: y.Meaning, Source: y.Source}
		}),
		Links: each(walk.Links, wireLink),
		Answer: wire.DiagnosisAnswer{Kind: wire.AnswerKind(a.Kind), Link: string(a.Link), Cause: a.Cause, Title: a.Title, Cure: a.Cure, Question: a.Question, Source: a.Source,
			Between: each(a.Between, func(o diagnosis.Option) wire.DiagnosisOption {
				return wire.DiagnosisOption{Cause: o.Cause, Title: o.Title, Cure: o.Cure}
			}),
			Remarks: append([]string{}, a.Remarks...)},
	}, nil
}

func wireLink(l diagnosis.Link) wire.DiagnosisLink {
	return wire.DiagnosisLink{ID: string(l.ID), Name: l.Name, Verdict: wire.LinkVerdict(l.Verdict), Found: l.Found, Cause: l.Cause, Cure: l.Cure,
		Evidence: each(l.Evidence, func(e diagnosis.Evidence) wire.DiagnosisEvidence {
			return wire.DiagnosisEvidence{Asked: e.Asked, Answered: e.Answered, At: e.At}
		})}
}

// CompareRefresh says what a database refresh did to an environment.
func (s *service) CompareRefresh(ctx context.Context, in CompareRefreshRequestObject) (CompareRefreshResponseObject, error) {
	c, err := s.Diagnosis.Refreshed(ctx, actorOf(ctx), in.Params.Environment)
	if err != nil {
		return nil, environment(err)
	}
	return CompareRefresh200JSONResponse{
		Environment: c.Environment, Before: c.Before.Taken, Now: c.Now, Same: c.Same, Also: c.Also,
		Work: each(c.Work, func(w diagnosis.Work) wire.RefreshWork {
			return wire.RefreshWork{Endpoint: w.Endpoint, What: w.What, Enter: append([]string{}, w.Enter...), Warning: w.Warning}
		}),
	}, nil
}

// TakeSnapshot keeps how an environment's endpoints are now.
func (s *service) TakeSnapshot(ctx context.Context, in TakeSnapshotRequestObject) (TakeSnapshotResponseObject, error) {
	kept, err := s.Diagnosis.TakeSnapshot(ctx, actorOf(ctx), in.Body.Environment)
	if err != nil {
		return nil, environment(err)
	}
	return TakeSnapshot201JSONResponse{Environment: kept.Environment, Taken: kept.Taken, By: kept.By, Endpoints: each(kept.Endpoints, func(e diagnosis.Endpoint) wire.BusinessEndpoint {
		return wire.BusinessEndpoint{Name: e.Name, Type: e.Type, Address: e.Address, Client: e.Client, Vault: e.Vault, Entry: e.Secret, Active: e.Active == "Yes", Filled: e.HasSecret == "Yes"}
	})}, nil
}

// environment gives the mistakes that people make with environments their codes.
func environment(err error) error {
	switch {
	case errors.Is(err, diagnosis.ErrNoSnapshot):
		return &describedError{kind: errNotFound, text: err.Error(), hint: "rekey diagnose refresh ENVIRONMENT --take"}
	case errors.Is(err, diagnosis.ErrEnvironment):
		return &describedError{kind: errNotFound, text: err.Error(), hint: "rekey config explain diagnosis.environments"}
	}
	return err
}

// ExplainCode says what a code means.
func (s *service) ExplainCode(_ context.Context, in ExplainCodeRequestObject) (ExplainCodeResponseObject, error) {
	name := strings.TrimPrefix(strings.ToLower(in.Code), "urn:rekey:problem:")
	if p, ok := diagnosis.Problems[name]; ok {
		return ExplainCode200JSONResponse{Code: name, Meaning: p[0], Cure: p[1]}, nil
	}
	if c, ok := diagnosis.Explain(in.Code); ok {
		return ExplainCode200JSONResponse{Code: in.Code, Meaning: c.Meaning, Cure: c.Cure}, nil
	}
	return nil, &describedError{kind: errNotFound, text: fmt.Sprintf("no code %q is known", in.Code), hint: "POST the whole text to /v1/diagnose"}
}
