//go:build !race

package rotation_test

const slow = 1
