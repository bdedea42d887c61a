package api

import (
	"time"

	wire "rekey.example/rekey/api"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/rotation"
)

func wireOverview(o inventory.Overview) wire.Overview {
	return wire.Overview{
		Counted: o.Counted, Credentials: o.Credentials, Applications: o.Applications, Entries: o.Entries, Consumers: o.Consumers, Soon: o.Soon, Lost: o.Lost,
		Ends: each(o.Ends, func(e inventory.EndsCount) wire.EndsCount {
			return wire.EndsCount{Ends: wire.Ends(e.Ends), Count: e.All(), Breaks: e.Breaks, Used: e.Used, Quiet: e.Quiet}
		}),
		Days: each(o.Days, func(d inventory.DayCount) wire.DayCount {
			return wire.DayCount{Date: d.Date, Count: d.All(), Breaks: d.Breaks, Used: d.Used, Quiet: d.Quiet}
		}),
		Hygiene: wire.Hygiene{NoOwner: o.NoOwner, Unused: o.Unused, Unmanaged: o.Unmanaged, Shared: o.Shared, Strays: o.Stray},
		Attention: each(o.Attention, func(a inventory.Attention) wire.AttentionItem {
			return wire.AttentionItem{Credential: wireCredential(a.Row), Impact: wire.Impact(a.Impact)}
		}),
	}
}

// stages are the columns of the board, in their order.
var stages = []wire.RotationStage{
	wire.RotationStageApproval, wire.RotationStageMaking, wire.RotationStageMoving, wire.RotationStageOverlap,
	wire.RotationStageWithdrawing, wire.RotationStageWatching, wire.RotationStageUndoing,
}

// board counts the open rotations by how far they are. They come newest first.
func board(open []*rotation.Rotation) []wire.BoardColumn {
	at := map[wire.RotationStage]*wire.BoardColumn{}
	columns := make([]wire.BoardColumn, len(stages))
	for i, s := range stages {
		columns[i].Stage = s
		at[s] = &columns[i]
	}
	for _, r := range open {
		c := at[wire.RotationStage(r.Stage())]
		if c == nil {
			continue // it has ended since it was read
		}
		c.Count++
		c.Oldest, c.Next = r.Asked, r.Needs
		if r.Needs != "" {
			c.Waiting++
		}
	}
	return columns
}

const mostOverlaps = 50 // that a picture can show

// overlaps are the rotations whose old and new value are both valid, and until when
// they are at least.
func overlaps(open []*rotation.Rotation) []wire.OverlapSpan {
	list := []wire.OverlapSpan{}
	for _, r := range open {
		if r.Switched.IsZero() || !r.Removed.IsZero() || len(list) == mostOverlaps {
			continue
		}
		list = append(list, wire.OverlapSpan{
			Rotation: r.ID, Application: r.Terms.Application.Name, From: r.Switched, Until: r.Switched.Add(time.Duration(r.Terms.Timing.Overlap)),
		})
	}
	return list
}

// freezes are those that have not ended.
func (s *service) freezes() []wire.ChangeFreeze {
	list := []wire.ChangeFreeze{}
	if s.Schedule == nil || s.Schedule.Schedule == nil {
		return list
	}
	for i, f := range s.Schedule.Schedule.Config.Freezes {
		from, to := s.Schedule.Schedule.Calendar.Bounds(i)
		if to.After(time.Now()) {
			list = append(list, wire.ChangeFreeze{Name: f.Name, From: from.UTC(), To: to.UTC(), Allow: f.Allow, Applications: scope(f.Apps, f.Tags, f.Owners)})
		}
	}
	return list
}
