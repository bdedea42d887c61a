// Package browsertest uses the web console as people do, in a real Chromium: through
// the whole life of a rotation, by keyboard alone, and over every page in both themes
// and three widths with axe-core. It has only tests.
//
// The browser is driven by js/console.mjs. With -images the same run writes the pictures
// of the documentation:
//
//	go test ./internal/browsertest -images ../../docs/images
package browsertest
