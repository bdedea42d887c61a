// Package clienttest proves that clients nobody has changed work against the
// pretended clouds: the Azure CLI, Microsoft's Go, JavaScript and Python SDKs,
// curl.
//
// The one exception is Debian 12's az, which lacks a module for "az keyvault
// secret" and fails before it sends anything; the folder debian puts that module
// in its place. It helps a user as well: PYTHONPATH=internal/sim/clienttest/debian.
//
// It holds tests only. Each starts a Cloud behind its listening proxy and gives
// the client what a user would give it: the proxy's address, the CA's file and
// an identity. A program that is missing fails the test with the way to install
// it; whoever cannot install it sets REKEY_TEST_CLIENTS=off.
package clienttest
