// Package scan finds credentials in bytes: in folders, archives, histories and
// Power Platform solutions. It reads what a stranger wrote, so it starts no
// program, opens no connection, has no credential of its own, and does work in
// proportion to the size of what it reads.
//
// Sources cut what they know into pieces; workers look at the pieces. A literal
// prefilter touches each byte once; a detector's expression runs only around a
// hit, and checksum and entropy last. What is found is a secret.Value: reports
// hold a masked text and a keyed fingerprint.
package scan
