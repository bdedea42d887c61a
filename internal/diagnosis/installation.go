package diagnosis

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// installation checks the files of the data folder.
func (d *doctor) installation() {
	if d.Data == "" {
		return
	}
	const name = "Data folder"
	info, err := os.Stat(d.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail(name, "make it: rekey init", "%s does not exist", d.Data)
		return
	case err != nil:
		d.fail(name, "look at its owner and permissions", "cannot look at %s: %v", d.Data, bare(err))
		return
	case !info.IsDir():
		d.fail(name, "choose another folder with --data", "%s is not a folder", d.Data)
		return
	}
	if loose(info) {
		d.fail(name, "chmod 700 "+quote(d.Data), "%s is open to other users of this machine (mode %04o)", d.Data, info.Mode().Perm())
	} else if err := writable(d.Data); err != nil {
		d.fail(name, "look at its owner and at the free space of its disk", "cannot write to %s: %v", d.Data, bare(err))
	} else {
		d.ok(name, "%s", d.Data)
	}
	d.keys()
}

// keys checks the files that nobody else may read.
func (d *doctor) keys() {
	const name = "Keys"
	master := d.MasterKeyFile
	if master == "" {
		master = filepath.Join(d.Data, "master.key")
	}
	ring := filepath.Join(d.Data, "keyring.json")
	files := []string{ring, master}
	if d.KeyringIn != "" {
		files = []string{master}
	} else if _, err := os.Stat(ring); errors.Is(err, fs.ErrNotExist) {
		d.ok(name, "none yet; they are made at the first start")
		return
	}
	if d.MasterKeyIn != "" {
		files = files[:len(files)-1]
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			d.fail(name, "bring it back from where it is kept: nothing sealed opens without it", "cannot look at %s: %v", file, bare(err))
			return
		}
		if loose(info) {
			d.fail(name, "chmod 600 "+quote(file)+"\nand think about who could have read it until now", "%s can be read by other users of this machine (mode %04o)", file, info.Mode().Perm())
			return
		}
	}
	if d.MasterKeyIn != "" {
		d.ok(name, "master key in a %s", d.MasterKeyIn)
		return
	}
	if d.MasterKeyFile == "" {
		d.warn(name, "move it and name its place: masterKeyFile in rekey.yaml, or REKEY_MASTER_KEY_FILE", "the master key lies in the data folder, so a copy of the folder is a copy of everything")
		return
	}
	d.ok(name, "master key in %s", master)
}

// loose is true if others than the owner can reach a file. Windows has access
// lists instead of modes.
func loose(info fs.FileInfo) bool { return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 }

func writable(folder string) error {
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// bare is an error without the path that the sentence around it names already.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// quote makes a path one word of a shell.
func quote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(path, "'", `'\''`))
}
