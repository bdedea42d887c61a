package ui

import (
	"fmt"
	"time"

	"rekey.example/rekey/api"
)

// graph is a picture of who uses what, in columns from left to right. The tables beside
// it say the same.
type graph struct {
	Width, Height int
	Nodes         []node
	Edges         []edge
	Summary       string
	More          string
}

type node struct {
	X, Y, W, H, TextX, TextY, KindY int
	Name                            Text
	Kind, Href, Tone                string
}

type edge struct{ Path string } // a curve, as SVG writes it

const (
	nodeWidth  = 230
	nodeHeight = 40
	nodeGap    = 12
	laneGap    = 70
	mostNodes  = 12 // in a column
)

// spot is a node before it has its place.
type spot struct{ name, kind, href, tone string }

// drawn puts columns of nodes beside each other. links are pairs of places in
// neighbouring columns.
func drawn(columns [][]spot, links [][][2]int) graph {
	var g graph
	most := 1
	for _, c := range columns {
		most = max(most, min(len(c), mostNodes))
	}
	g.Height = most*(nodeHeight+nodeGap) - nodeGap + 8
	g.Width = len(columns)*(nodeWidth+laneGap) - laneGap + 8
	places := make([][]node, len(columns))
	for i, c := range columns {
		shown := min(len(c), mostNodes)
		top := (g.Height - shown*(nodeHeight+nodeGap) + nodeGap) / 2
		for j, s := range c[:shown] {
			n := node{X: 4 + i*(nodeWidth+laneGap), Y: top + j*(nodeHeight+nodeGap), W: nodeWidth, H: nodeHeight, Name: words(s.name), Kind: s.kind, Href: s.href, Tone: s.tone}
			n.TextX, n.TextY, n.KindY = n.X+12, n.Y+17, n.Y+32
			n.Name.Full = cut(n.Name.Full, inRow)
			n.Name.Short = cut(n.Name.Full, 32)
			places[i] = append(places[i], n)
			g.Nodes = append(g.Nodes, n)
		}
		if len(c) > shown {
			g.More = "The picture shows the first of them; the lists have all."
		}
	}
	for i, pairs := range links {
		for _, p := range pairs {
			if p[0] >= len(places[i]) || p[1] >= len(places[i+1]) {
				continue
			}
			a, b := places[i][p[0]], places[i+1][p[1]]
			x1, x2 := a.X+nodeWidth, b.X
			y1, y2, mid := a.Y+nodeHeight/2, b.Y+nodeHeight/2, (x1+x2)/2
			g.Edges = append(g.Edges, edge{fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x1, y1, mid, y1, mid, y2, x2, y2)})
		}
	}
	return g
}

// blast is what hangs on one credential: the application, the credential, where it is
// kept, who uses it.
func blast(c api.Credential, now time.Time) graph {
	state := endBadge(c, now)
	columns := [][]spot{{{c.Application.Name, holderWord(c.Application.Holder), applicationPath(c.Application.ObjectID), "info"}}, {{credentialName(c), kindWord(c.Kind) + ", " + state.Text, credentialPath(c), state.Tone}}}
	links := [][][2]int{{{0, 0}}}
	var places, users []spot
	var toPlaces, toUsers [][2]int
	for i, p := range c.Places {
		places = append(places, spot{p.Name, "in " + vaultName(p.Vault), at("/vaults/"+escape(p.Vault), "name", p.Name), ""})
		toPlaces = append(toPlaces, [2]int{0, i})
	}
	if len(places) == 0 {
		places, toPlaces = []spot{{"Not known", "where the value is kept", credentialPath(c), "warn"}}, [][2]int{{0, 0}}
	}
	for i, u := range c.Consumers {
		users = append(users, spot{u.Consumer, "stops when it ends", consumerPath(u.Consumer), "bad"})
		from := 0
		for j, p := range c.Places {
			if u.Reference == vaultName(p.Vault)+"/"+p.Name {
				from = j
			}
		}
		toUsers = append(toUsers, [2]int{from, i})
	}
	columns, links = append(columns, places), append(links, toPlaces)
	if len(users) > 0 {
		columns, links = append(columns, users), append(links, toUsers)
	}
	g := drawn(columns, links)
	g.Summary = consequence(c, now)
	return g
}
