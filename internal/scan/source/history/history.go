// Package history reads git repositories for a scan, with no git program: pack
// files, loose objects, references and the index. It obeys no configuration, no
// attributes and no hooks of the repository, follows neither alternates nor
// gitdir files nor links out of it, and bounds what any object may cost.
//
// What is stored once is looked at once. A pack holds most versions of a file as
// differences from another: of such a version only the new bytes and the seams
// between them are scanned, in the lines around. Commits are read after
// the scan, and only if there are hits: then each hit is followed to the
// versions that copied it, so that the commit told is the first that had it.
package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"rekey.example/rekey/internal/scan"
)

// Limits of a repository. Zero values are the defaults.
type Limits struct {
	Object  int64 // bytes of an object that is held in memory; 0: 16 MiB
	Largest int64 // bytes of an object above which only a limit is told; 0: 1 GiB
	Objects int   // objects of one pack; 0: 3,000,000
	Commits int   // that are read to attribute hits; 0: 500,000
	Chain   int   // differences on which one object may be built; 0: 10,000
}

func (l Limits) filled() Limits {
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&l.Objects, 3_000_000)
	set(&l.Commits, 500_000)
	set(&l.Chain, 10_000)
	if l.Object <= 0 {
		l.Object = 16 << 20
	}
	if l.Largest <= 0 {
		l.Largest = 1 << 30
	}
	return l
}

// A Source is the history of one repository. With Since only what came in after
// a commit or a day is looked at, with Staged only what the next commit would
// bring. A Source is for one run: after it, Finish completes the hits.
type Source struct {
	Path   string // of the working tree or the bare repository
	Since  string // a commit, a reference, or a day such as 2026-11-25
	Staged bool
	Binary bool // look for marked keys in binary files too
	Limits Limits
	// Exclude, unless nil, leaves out the hits of paths as reports have them.
	Exclude func(path string) bool

	repo *repo
	more []*scan.Hit
	drop map[*scan.Hit]bool
}

// Jobs lists the repository.
func (s *Source) Jobs(ctx context.Context, add func(scan.Job) error) error {
	r, err := openRepo(s.Path, s.Limits.filled())
	if err != nil {
		return fmt.Errorf("cannot read the history of %q: %w", s.Path, err)
	}
	s.repo = r
	for _, skipped := range r.skipped {
		err := add(func(_ context.Context, w *scan.Worker) error {
			w.Skip(s.Path+"/"+skipped.name, skipped.err)
			return nil
		})
		if err != nil {
			return err
		}
	}
	switch {
	case s.Staged:
		err = s.staged(ctx, add)
	case s.Since != "":
		err = s.since(ctx, add)
	default:
		err = s.everything(ctx, add)
	}
	if err != nil {
		return fmt.Errorf("cannot read the history of %q: %w", s.Path, err)
	}
	return nil
}

// everything scans all objects, those that no commit reaches any more included:
// a push or a garbage collection may not have taken them away.
func (s *Source) everything(ctx context.Context, add func(scan.Job) error) error {
	for _, p := range s.repo.packs {
		if err := s.pack(ctx, p, add); err != nil {
			return err
		}
	}
	return s.loose(ctx, add)
}

// Attribute fills in the commits and paths of hits. What it found beyond the
// hits themselves Finish returns.
func (s *Source) Attribute(ctx context.Context, hits []*scan.Hit) error {
	if s.repo == nil {
		return nil
	}
	defer s.repo.close()
	if s.Staged || s.Since != "" {
		s.onlyNew(hits)
		return nil
	}
	return s.attribute(ctx, hits)
}

// Finish returns the hits of a run with those of this source completed: one for
// each value and path, with the first commit that had it. Hits of other sources
// stay as they are.
func (s *Source) Finish(hits []*scan.Hit) []*scan.Hit {
	kept := hits[:0:0]
	for _, h := range hits {
		if !s.drop[h] {
			kept = append(kept, h)
		}
	}
	kept = append(kept, s.more...)
	slices.SortStableFunc(kept, func(x, y *scan.Hit) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Commit, y.Commit), cmp.Compare(x.Offset, y.Offset))
	})
	return kept
}

func (s *Source) excludes(path string) bool { return s.Exclude != nil && s.Exclude(path) }
