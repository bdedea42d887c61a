package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"rekey.example/rekey/internal/sim"
	"rekey.example/rekey/internal/sim/contoso"
	"rekey.example/rekey/internal/sim/world"
)

// cloud is the simulator, in a process of its own.
type cloud struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	Proxy  string
	CA     string
	Tenant contoso.Tenant
}

type simJob struct {
	Folder string
	Apps   int
	Limits bool
}

func startCloud(folder string, apps int, limits bool) (*cloud, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(simJob{folder, apps, limits})
	if err != nil {
		return nil, err
	}
	c := &cloud{cmd: exec.Command(self, "--as", "sim", "--with", string(raw))}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.stdout = bufio.NewReader(out)
	return c, c.hear(c)
}

func (c *cloud) hear(v any) error {
	line, err := c.stdout.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the simulator ended: %w", err)
	}
	return json.Unmarshal(line, v)
}

// change changes so many applications.
func (c *cloud) change(n int) error {
	if _, err := fmt.Fprintln(c.stdin, n); err != nil {
		return err
	}
	var done int
	return c.hear(&done)
}

func (c *cloud) stop() {
	c.stdin.Close()
	c.cmd.Wait()
}

func (c *cloud) job(database string) job {
	return job{Proxy: c.Proxy, CA: c.CA, Tenant: c.Tenant.ID, Client: c.Tenant.Reader.ClientID, Secret: c.Tenant.Reader.Secret, Database: database}
}

// pretend is the simulator's process: it serves until its standard input ends.
func pretend(raw []byte) error {
	var j simJob
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	s, err := sim.New(sim.Config{World: world.Config{Seed: 1, Limits: j.Limits}, Apps: j.Apps})
	if err != nil {
		return err
	}
	defer s.Close()
	server, err := s.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close()
	ca := filepath.Join(j.Folder, fmt.Sprintf("ca-%d.pem", j.Apps))
	if err := server.WriteCA(ca); err != nil {
		return err
	}
	answer := json.NewEncoder(os.Stdout)
	if err := answer.Encode(cloud{Proxy: server.URL(), CA: ca, Tenant: s.Tenant()}); err != nil {
		return err
	}
	at := 0
	for {
		var n int
		if _, err := fmt.Fscan(os.Stdin, &n); err != nil {
			return nil // the parent has gone, or wants us to
		}
		if err := touch(s, &at, n); err != nil {
			return err
		}
		if err := answer.Encode(n); err != nil {
			return err
		}
	}
}

// touch gives so many applications, far apart, a new secret each.
func touch(s *sim.Cloud, at *int, n int) error {
	w := s.World()
	w.Change(func() {
		apps := w.Directory.ApplicationsInOrder()
		step := len(apps)/n | 1
		for done := 0; done < n; *at += step {
			a := apps[*at%len(apps)]
			if a == nil {
				continue
			}
			now := time.Now().UTC().Truncate(time.Second)
			a.Passwords = append([]*world.Password{{KeyID: w.GUID(), Name: "bench", Text: w.SecretText(), Hint: "abc", Starts: now, Ends: now.AddDate(1, 0, 0), Added: now}}, a.Passwords...)
			w.Directory.Touch(world.KindApplication, &a.Holder, "passwordCredentials")
			done++
		}
	})
	return nil
}
