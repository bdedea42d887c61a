//go:build faults && unix

package daemon

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/store"
)

// crashPoint is where a test wants this process to die, from REKEY_CRASH_AT:
// POINT:COUNT, or POINT/WORD:COUNT for requests whose method or path has the word.
// The points are committing, committed, request (before it is sent) and answered
// (before anybody sees the answer). Only programs built with the tag faults have it.
type crashPoint struct {
	name, word string
	left       atomic.Int64
}

func crashAt() (*crashPoint, error) {
	text := os.Getenv("REKEY_CRASH_AT")
	if text == "" {
		return nil, nil
	}
	point, count, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("REKEY_CRASH_AT %q is not POINT:COUNT", text)
	}
	p := &crashPoint{}
	p.name, p.word, _ = strings.Cut(point, "/")
	p.left.Store(n)
	return p, nil
}

// reached ends the process at the last of so many times.
func (p *crashPoint) reached(name string) {
	if name == p.name && p.left.Add(-1) == 0 {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// armed is the configuration with the crash point in its way to the clouds.
func armed(c Config) (Config, error) {
	p, err := crashAt()
	if err != nil || p == nil {
		return c, err
	}
	next, err := azure.Wire{Proxy: c.Proxy, CAFile: c.CAFile, Round: c.Round}.Transport()
	if err != nil {
		return c, err
	}
	c.Round = deadly{point: p, next: next}
	return c, nil
}

func arm(c Config, db *store.DB) {
	if d, ok := c.Round.(deadly); ok {
		db.Committing = func() { d.point.reached("committing") }
		db.Committed = func() { d.point.reached("committed") }
	}
}

type deadly struct {
	point *crashPoint
	next  http.RoundTripper
}

func (d deadly) RoundTrip(r *http.Request) (*http.Response, error) {
	meant := d.point.word == "" || strings.Contains(r.Method+" "+r.URL.Path, d.point.word)
	if meant {
		d.point.reached("request")
	}
	resp, err := d.next.RoundTrip(r)
	if meant {
		d.point.reached("answered")
	}
	return resp, err
}
