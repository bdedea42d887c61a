package main

import "iter"

// take collects a list that comes in pages, at most limit of it (0: all). It is
// never nil: an empty list prints as [].
func take[T any](all iter.Seq2[T, error], limit int, p *progress, thing string) ([]T, error) {
	found := []T{}
	defer p.done()
	for v, err := range all {
		if err != nil {
			return nil, err
		}
		found = append(found, v)
		if len(found) == limit {
			break
		}
		if len(found)%1000 == 0 {
			p.at("%s", plural(len(found), thing))
		}
	}
	return found, nil
}
