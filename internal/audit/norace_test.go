//go:build !race

package audit

// slow divides the rounds of the longest tests under the race detector, which
// makes the SQLite in this process twenty times slower.
const slow = 1
