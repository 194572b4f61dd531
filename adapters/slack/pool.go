package slack

import "sync"

const (
	workers = 32  // turns at once; the database groups them into one commit
	queue   = 256 // deliveries that wait for a worker
)

// pool runs turns: some at once, some that wait, and no more. What is not taken
// is not acknowledged either, so that Slack delivers it again.
type pool struct {
	mu      sync.RWMutex
	jobs    chan func() // nil once the pool has ended
	working sync.WaitGroup
}

func newPool() *pool {
	jobs := make(chan func(), queue)
	p := &pool{jobs: jobs}
	for range workers {
		p.working.Go(func() {
			for job := range jobs {
				job()
			}
		})
	}
	return p
}

// put reports whether the job will be done.
func (p *pool) put(job func()) bool {
	// A channel that is being closed must not be sent to.
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.jobs == nil {
		return false
	}
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

// end takes nothing more and waits for what was taken.
func (p *pool) end() {
	p.mu.Lock()
	close(p.jobs)
	p.jobs = nil
	p.mu.Unlock()
	p.working.Wait()
}
