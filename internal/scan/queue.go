package scan

import "sync"

// A queue holds the jobs that no worker has taken. A source waits when it is
// ahead; a worker's own jobs always have room and are taken first, so
// that a folder is done before the next is opened.
type queue struct {
	mu      sync.Mutex
	wake    sync.Cond
	jobs    []Job
	most    int
	running int
	closed  bool // the source has no more
	ended   bool // nobody wants more
}

func newQueue(most int) *queue {
	q := &queue{most: most}
	q.wake.L = &q.mu
	return q
}

// add is the source's way in: it waits for room.
func (q *queue) add(j Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) >= q.most && !q.ended {
		q.wake.Wait()
	}
	if q.ended {
		return errEnded
	}
	q.jobs = append(q.jobs, j)
	q.wake.Broadcast()
	return nil
}

// push is a worker's way in.
func (q *queue) push(j Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, j)
	q.wake.Broadcast()
}

// pop waits for a job. It returns nil when there will be none.
func (q *queue) pop() Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 && !q.ended && !(q.closed && q.running == 0) {
		q.wake.Wait()
	}
	if q.ended || len(q.jobs) == 0 {
		return nil
	}
	j := q.jobs[len(q.jobs)-1]
	q.jobs[len(q.jobs)-1] = nil
	q.jobs = q.jobs[:len(q.jobs)-1]
	q.running++
	if len(q.jobs) == q.most-1 {
		q.wake.Broadcast()
	}
	return j
}

// done says that a popped job is finished.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if q.closed && q.running == 0 && len(q.jobs) == 0 {
		q.wake.Broadcast()
	}
}

// close says that the source has no more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wake.Broadcast()
}

// end lets everybody go home.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.wake.Broadcast()
}
