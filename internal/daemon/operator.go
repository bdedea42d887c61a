package daemon

import (
	"os"
	"os/user"
	"strconv"
)

// whoami is the user account that this process runs under. An account without a
// name, as containers have it, is known by its number.
func whoami() (id, name string) {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Uid, u.Username
	}
	id = strconv.Itoa(os.Getuid())
	return id, "user " + id
}
