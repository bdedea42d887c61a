// Command temporal carries the eight steps of bench/engine on Temporal's Go SDK:
// one workflow a rotation, one activity a step, against a development server on
// SQLite in a process of its own. It is a module of its own, because Temporal's
// server brings more modules along than the rest of rekey together.
//
//	go -C bench/engine/temporal build -o ../../../bin/bench-temporal .
//
// takes some minutes once. bench/engine starts it and reads one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"rekey.example/rekey/bench/engine/plain"
	"rekey.example/rekey/bench/engine/town"
	"rekey.example/rekey/internal/secret"
)

func main() {
	n := flag.Int("rotations", 756, "how many")
	window := flag.Int("window", 256, "how many are under way at once; the last so many are not measured")
	folder := flag.String("folder", "", "an empty folder for the database")
	serve := flag.Int("serve", 0, "be the server, on this port, until standard input ends")
	flag.Parse()
	err := errors.New("--folder is missing")
	switch {
	case *folder == "":
	case *serve != 0:
		err = server(*folder, *serve)
	default:
		err = measure(*folder, *n, *window)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/engine/temporal:", err)
		os.Exit(1)
	}
}

// The line that bench/engine reads.
type told struct {
	Seconds  float64 `json:"seconds"`
	Requests int64   `json:"requests"`
}

const (
	queue   = "rotations"
	pollers = 8
)

func measure(folder string, n, window int) error {
	ctx := context.Background()
	address, stop, err := start(folder)
	if err != nil {
		return err
	}
	defer stop()
	t, err := town.Open(ctx, n)
	if err != nil {
		return err
	}
	defer t.Close()
	ring, err := secret.OpenKeyring(folder, "")
	if err != nil {
		return err
	}
	c, err := dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	s := &steps{work: plain.Work{Town: t, Sealer: ring.Sealer}}
	w := worker.New(c, queue, worker.Options{MaxConcurrentActivityTaskPollers: pollers, MaxConcurrentWorkflowTaskPollers: pollers})
	w.RegisterWorkflow(rotation)
	w.RegisterActivity(s)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	took, err := flow(n, window, func(i int) error {
		st, err := s.work.Propose(ctx, i)
		if err != nil {
			return err
		}
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("rotation-%d", i), TaskQueue: queue}, rotation, st)
		if err != nil {
			return err
		}
		return run.Get(ctx, nil)
	})
	if err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(told{took.Seconds(), t.Requests()})
}

// flow carries n workflows out, window of them at once, and measures until all but
// the last window of them are done.
func flow(n, window int, carry func(int) error) (took time.Duration, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next, ended := 0, 0
	began := time.Now()
	for range window {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				over := i >= n || err != nil
				mu.Unlock()
				if over {
					return
				}
				e := carry(i)
				mu.Lock()
				err = errors.Join(err, e)
				if ended++; ended == n-window {
					took = time.Since(began)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return took, err
}

// rotation is the workflow. What a step returns is in the workflow's history
// before the next one begins.
func rotation(ctx workflow.Context, st plain.State) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * time.Minute})
	for _, name := range plain.Steps {
		if err := workflow.ExecuteActivity(ctx, "Carry", name, st).Get(ctx, &st); err != nil {
			return err
		}
	}
	return nil
}

// steps are the activities.
type steps struct{ work plain.Work }

// Carry is one step.
func (s *steps) Carry(ctx context.Context, name string, st plain.State) (plain.State, error) {
	return s.work.Step(ctx, name, st)
}

// start runs this program as a server. It ends when our end of its input is closed.
func start(folder string) (address string, stop func(), err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, "--folder", folder, "--serve", fmt.Sprint(port))
	cmd.Stderr = os.Stderr
	life, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		life.Close()
		cmd.Wait()
	}
	return fmt.Sprintf("127.0.0.1:%d", port), stop, nil
}

// dial waits until the server answers and knows the namespace.
func dial(address string) (client.Client, error) {
	var err error
	for range 300 {
		var c client.Client
		if c, err = client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: quiet{}}); err == nil {
			if _, err = c.CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{}); err == nil {
				return c, nil
			}
			c.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("the server does not answer: %w", err)
}

type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
