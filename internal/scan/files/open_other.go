package files

import (
	"fmt"
	"os"
)

// open opens a regular file of the folder; a link is refused.
func open(root *os.Root, name string) (opened, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file")
	}
	return root.Open(name)
}
