package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"rekey.example/rekey/bench/engine/plain"
	"rekey.example/rekey/bench/engine/town"
	"rekey.example/rekey/internal/secret"
)

// queue is the eight-step workflow on plain River: one job a step. A step's job
// makes its calls, and then, in one transaction, writes the workflow's new state
// and a line of its history, puts the next step's job into the queue, and is
// done: what River's own documentation recommends.
type queue struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	work   plain.Work
}

// step is a job.
type step struct {
	Flow int `json:"flow"`
	Step int `json:"step"`
}

// Kind is what River calls such a job.
func (step) Kind() string { return "step" }

const queueTables = `
CREATE TABLE flow (id BIGINT PRIMARY KEY, step BIGINT NOT NULL, state TEXT NOT NULL);
CREATE TABLE flow_record (flow BIGINT NOT NULL, step BIGINT NOT NULL, at BIGINT NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY (flow, step));
`

// Chosen by trying: more workers or a longer pause between two fetches is slower.
const (
	queueWorkers  = 100
	queueCooldown = 5 * time.Millisecond
)

func onRiver(ctx context.Context, folder, where string, t *town.Town) (r result, err error) {
	ring, err := secret.OpenKeyring(folder, "")
	if err != nil {
		return r, err
	}
	c, err := pgxpool.ParseConfig(where)
	if err != nil {
		return r, err
	}
	c.MaxConns = 24 // as many as rekey opens
	q := &queue{work: plain.Work{Town: t, Sealer: ring.Sealer}}
	if q.pool, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return r, err
	}
	defer q.pool.Close()
	if err := q.prepare(ctx); err != nil {
		return r, err
	}
	if err := q.client.Start(ctx); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, q.client.Stop(context.WithoutCancel(ctx))) }()
	syncs, cpu := synced(ctx, q.pool), spent(ctx, q.pool)
	r.took, err = flow(ctx, len(t.Subjects), func(i int) error { return q.begin(ctx, i) }, func() (n int, err error) {
		err = q.pool.QueryRow(ctx, `SELECT count(*) FROM flow WHERE step = $1`, len(plain.Steps)).Scan(&n)
		return n, err
	})
	r.syncs, r.cpu = synced(ctx, q.pool)-syncs, spent(ctx, q.pool)-cpu
	return r, err
}

func (q *queue) prepare(ctx context.Context) error {
	quiet := slog.New(slog.DiscardHandler)
	m, err := rivermigrate.New(riverpgxv5.New(q.pool), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	if _, err := q.pool.Exec(ctx, queueTables); err != nil {
		return err
	}
	crew := river.NewWorkers()
	river.AddWorker(crew, river.WorkFunc(q.step))
	q.client, err = river.NewClient(riverpgxv5.New(q.pool), &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: queueWorkers, FetchCooldown: queueCooldown}},
		Workers: crew, Logger: quiet,
	})
	return err
}

// begin is the proposal: the workflow and its first job.
func (q *queue) begin(ctx context.Context, subject int) error {
	st, err := q.work.Propose(ctx, subject)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO flow (id, step, state) VALUES ($1, 0, $2)`, subject, string(raw)); err != nil {
			return err
		}
		_, err := q.client.InsertTx(ctx, tx, step{Flow: subject}, nil)
		return err
	})
}

func (q *queue) step(ctx context.Context, job *river.Job[step]) error {
	var raw string
	var st plain.State
	if err := q.pool.QueryRow(ctx, `SELECT state FROM flow WHERE id = $1 AND step = $2`, job.Args.Flow, job.Args.Step).Scan(&raw); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(raw), &st); err != nil {
		return err
	}
	st, err := q.work.Step(ctx, plain.Steps[job.Args.Step], st)
	if err != nil {
		return err
	}
	after, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.record(ctx, tx, job, st, string(after)) })
}

// record writes down that a step is done, and calls the next one.
func (q *queue) record(ctx context.Context, tx pgx.Tx, job *river.Job[step], st plain.State, after string) error {
	next := job.Args.Step + 1
	if _, err := tx.Exec(ctx, `UPDATE flow SET step = $2, state = $3 WHERE id = $1`, job.Args.Flow, next, after); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO flow_record (flow, step, at, evidence) VALUES ($1, $2, $3, $4)`, job.Args.Flow, job.Args.Step, time.Now().UnixMilli(), st.Evidence[len(st.Evidence)-1]); err != nil {
		return err
	}
	if next < len(plain.Steps) {
		if _, err := q.client.InsertTx(ctx, tx, step{Flow: job.Args.Flow, Step: next}, nil); err != nil {
			return err
		}
	}
	_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
	return err
}
