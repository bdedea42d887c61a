//go:build race

package rotation_test

// slow is by how much less is run where the race detector makes everything slow.
const slow = 8
