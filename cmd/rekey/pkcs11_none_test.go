//go:build !pkcs11 || !cgo

package main

// tokens says whether this program can speak to PKCS#11 tokens.
const tokens = false
