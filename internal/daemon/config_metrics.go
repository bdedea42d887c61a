package daemon

// Metrics says who may read /metrics, and how much it tells.
type Metrics struct {
	Open   bool
	Series int
}
