package main

import (
	"context"
	"time"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/daemon"
)

// await follows a rotation to its end and shows the steps as they happen.
func (s *session) await(ctx context.Context, server *client.Client, r api.Rotation, timeout string) error {
	if timeout != "" {
		d, err := daemon.ParseDuration(timeout)
		if err != nil {
			return usage("--timeout: %v", err)
		}
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		ctx = limited
	}
	last, err := s.follow(ctx, server, r)
	if ctx.Err() != nil && last.State == api.RotationStateOpen {
		if showErr := s.show(last, rotationTable([]api.Rotation{last})); showErr != nil {
			return showErr
		}
		p := failure(exitConflict, "%s has not ended yet; it is at %s", last.ID, last.Current)
		if last.Current == "approve" {
			return p.next(howToApprove(last))
		}
		return p.next("it goes on as long as rekey serve runs; rekey rotations watch " + last.ID + " follows it")
	}
	if err != nil {
		return err
	}
	if err := s.show(last, rotationTable([]api.Rotation{last})); err != nil {
		return err
	}
	if last.State != api.RotationStateDone {
		return failure(exitConflict, "%s has ended: %s", last.ID, last.State).next(last.Problem)
	}
	return nil
}

// follow shows each change of a rotation until it has ended, and returns it as
// last seen.
func (s *session) follow(ctx context.Context, server *client.Client, last api.Rotation) (api.Rotation, error) {
	p := s.progress()
	defer p.done()
	said, told := 0, ""
	for r, err := range server.Watch(ctx, last.ID) {
		if err != nil {
			return last, err
		}
		last = r
		for i := said; i < len(r.Steps); i++ {
			if r.Steps[i].State != api.StepStateDone && r.Steps[i].State != api.StepStateSkipped {
				break
			}
			p.log("%-10s %-8s %s", r.Steps[i].Name, r.Steps[i].State, evidence(r.Steps[i]))
			said = i + 1
		}
		if r.Current == "approve" && told == "" {
			told = howToApprove(r)
			p.log("%s", told)
		}
		if r.State == api.RotationStateOpen {
			p.at("%-10s %s%s", r.Current, r.Problem, next(r))
		}
	}
	return last, ctx.Err()
}

// next says when a rotation is looked at again.
func next(r api.Rotation) string {
	if r.Needs != "" {
		return " (" + r.Needs + ")"
	}
	if d := time.Until(r.Due); !r.Due.IsZero() && d > 0 {
		return " (again " + when(r.Due, time.Now()) + ")"
	}
	return ""
}

func evidence(step api.Step) string {
	if step.Began.IsZero() || step.Ended.IsZero() {
		return step.Evidence
	}
	if took := span(step.Ended.Sub(step.Began)); took != "" {
		return step.Evidence + " (" + took + ")"
	}
	return step.Evidence
}
