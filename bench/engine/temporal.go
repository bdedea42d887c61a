package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"rekey.example/rekey/bench/engine/town"
)

// onTemporal lets the program of bench/engine/temporal make a round. It opens a
// town of its own, for a worker lives in its own process, and checks it.
func onTemporal(program string) func(context.Context, string, string, *town.Town) (result, error) {
	return func(ctx context.Context, folder, _ string, t *town.Town) (r result, err error) {
		cmd := exec.CommandContext(ctx, program, "--rotations", fmt.Sprint(len(t.Subjects)), "--window", fmt.Sprint(window), "--folder", folder)
		cmd.Stderr = os.Stderr
		raw, err := cmd.Output()
		if err != nil {
			return r, fmt.Errorf("cannot run %s: %w", program, err)
		}
		var told struct {
			Seconds  float64 `json:"seconds"`
			Requests int64   `json:"requests"`
		}
		if err := json.Unmarshal(raw, &told); err != nil {
			return r, fmt.Errorf("%s answers something else: %w", program, err)
		}
		if told.Seconds <= 0 {
			return r, errors.New("it took no time")
		}
		return result{took: time.Duration(told.Seconds * float64(time.Second)), requests: told.Requests, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
	}
}
