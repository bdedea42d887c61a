package history

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A commit is what matters of one.
type commit struct {
	id, tree oid
	parents  []oid
	time     int64 // of the committer, seconds
	author   string
}

func (r *repo) commit(o oid) (commit, error) {
	for range 5 { // tags of tags
		typ, data, err := r.object(o)
		if err != nil {
			return commit{}, err
		}
		if typ == typeCommit {
			return parseCommit(o, data), nil
		}
		target, ok := parseOID(strings.TrimPrefix(firstLine(data), "object "))
		if typ != typeTag || !ok {
			return commit{}, errors.New("it is no commit")
		}
		o = target
	}
	return commit{}, errors.New("tags nest too deep")
}

func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(line[:min(len(line), 200)])
}

func parseCommit(id oid, data []byte) commit {
	c := commit{id: id}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		if len(line) == 0 {
			break
		}
		key, value, _ := strings.Cut(string(line), " ")
		switch key {
		case "tree":
			c.tree, _ = parseOID(value)
		case "parent":
			if o, ok := parseOID(value); ok && len(c.parents) < 1000 {
				c.parents = append(c.parents, o)
			}
		case "author":
			name, _, _ := strings.Cut(value, " <")
			c.author = printable(name)
		case "committer":
			if f := strings.Fields(value); len(f) > 1 {
				c.time, _ = strconv.ParseInt(f[len(f)-2], 10, 64)
			}
		}
	}
	return c
}

// printable is a stranger's text as a report may have it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}

// An entry is one of a tree.
type entry struct {
	name string
	id   oid
	tree bool
}

// entries calls each for the files and folders of a tree, not for submodules.
func (r *repo) entries(tree oid, each func(e entry)) error {
	typ, data, err := r.object(tree)
	if err != nil {
		return err
	}
	if typ != typeTree {
		return errors.New("it is no tree")
	}
	for len(data) > 0 {
		mode, rest, found := bytes.Cut(data, []byte(" "))
		name, rest, ended := bytes.Cut(rest, []byte{0})
		if !found || !ended || len(rest) < 20 {
			return errors.New("the tree is damaged")
		}
		e := entry{name: string(name), id: oid(rest[:20]), tree: string(mode) == "40000"}
		data = rest[20:]
		if string(mode) != "160000" && len(name) < 4096 {
			each(e)
		}
	}
	return nil
}

// reachable returns the commits that tips lead to, parents before children, the
// older first where that leaves a choice. cut ends the way back at a commit.
func (r *repo) reachable(ctx context.Context, tips []oid, cut func(c *commit) bool) ([]commit, error) {
	known := map[oid]int32{}
	var all []commit
	todo := slices.Clone(tips)
	for len(todo) > 0 && len(all) < r.limits.Commits {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, seen := known[o]; seen {
			continue
		}
		c, err := r.commit(o)
		if err != nil || cut != nil && cut(&c) {
			continue // the end of a shallow history, or what nobody asked for
		}
		if _, seen := known[c.id]; seen {
			continue
		}
		known[c.id] = int32(len(all))
		c.author = "" // read again for those that are told
		all = append(all, c)
		todo = append(todo, c.parents...)
	}
	return inOrder(all, known), nil
}

func inOrder(all []commit, known map[oid]int32) []commit {
	byTime := make([]int32, len(all))
	for i := range byTime {
		byTime[i] = int32(i)
	}
	slices.SortStableFunc(byTime, func(a, b int32) int { return int(max(-1, min(1, all[a].time-all[b].time))) })
	out := make([]commit, 0, len(all))
	state := make([]uint8, len(all)) // 1: its parents are being put, 2: done
	var stack []int32
	for _, i := range byTime {
		stack = append(stack[:0], i)
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			if state[top] != 0 {
				stack = stack[:len(stack)-1]
				if state[top] == 1 {
					state[top] = 2
					out = append(out, all[top])
				}
				continue
			}
			state[top] = 1
			for _, p := range all[top].parents {
				if j, ok := known[p]; ok && state[j] == 0 {
					stack = append(stack, j)
				}
			}
		}
	}
	return out
}
