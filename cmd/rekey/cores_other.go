//go:build !linux

package main

// noCores does nothing here: Windows and macOS write no core file unless an
// administrator has set the machine up for it.
func noCores() error { return nil }
