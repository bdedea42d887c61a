package secret

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// image is what a folder holds: file names and contents.
type image map[string]string

func photograph(t *testing.T, folder string) image {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	i := image{}
	for _, f := range list {
		raw, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		i[f.Name()] = string(raw)
	}
	return i
}

// with is the image after one more file was written.
func (i image) with(name, text string) image {
	out := maps.Clone(i)
	out[name] = text
	return out
}

// writing are the images that a crash can leave while WriteFile puts text in a
// file's place: nothing, any part of the temporary file, all of it, and the file.
func (i image) writing(name, text string) (list []image) {
	list = append(list, i)
	for n := 0; n <= len(text); n += 7 {
		list = append(list, i.with(".new-1", text[:n]))
	}
	list = append(list, i.with(".new-1", text), i.with(".new-1", strings.Repeat("\x00", len(text))), i.with(name, text))
	return list
}

// TestEveryCrashImageOpens: whatever a crash leaves of a write of the keyring,
// or of a change of the master key, opens, and what was sealed before opens with it.
func TestEveryCrashImageOpens(t *testing.T) {
	images, sealed := 0, ""
	look := func(what string, list []image) {
		t.Helper()
		for n, i := range list {
			folder := t.TempDir()
			for name, text := range i {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			k, err := OpenKeyring(folder, "")
			if err != nil {
				t.Fatalf("%s, image %d: %v", what, n, err)
			}
			opens(t, k, sealed)
			again, err := OpenKeyring(folder, "") // what the first start finished
			if err != nil {
				t.Fatalf("%s, image %d, second start: %v", what, n, err)
			}
			if err := again.ChangeMaster(t.Context(), Custody{Source: FromFile, File: filepath.Join(folder, MasterFile)}); err != nil {
				t.Fatalf("%s, image %d, the change again: %v", what, n, err)
			}
			opens(t, again, sealed)
			images++
		}
	}

	folder := t.TempDir()
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed = k.Sealer.Seal("x", New(canary))
	for range 3 {
		before := photograph(t, folder)
		if _, err := k.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		look("rotation", before.writing(KeyringFile, photograph(t, folder)[KeyringFile]))

		before = photograph(t, folder)
		if err := k.ChangeMaster(t.Context(), Custody{Source: FromFile, File: filepath.Join(folder, MasterFile)}); err != nil {
			t.Fatal(err)
		}
		after := photograph(t, folder)
		list := before.writing(MasterFile+newSuffix, after[MasterFile])
		both := list[len(list)-1]
		list = append(list, both.writing(KeyringFile, after[KeyringFile])...)
		look("change of the master key", append(list, after))
	}

	// The first start of all: nothing is sealed yet, so any outcome that opens is good.
	made := photograph(t, folder)
	first := image{}.writing(MasterFile, made[MasterFile])
	for n, i := range first {
		folder := t.TempDir()
		for name, text := range i {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenKeyring(folder, ""); err != nil {
			t.Errorf("first start, image %d: %v", n, err)
		}
		images++
	}
	t.Logf("%d images", images)
}

// TestAChangeThatWasCutShortIsNotCutShorter: the process lives on after its
// rename failed, and is told to change the master key again.
func TestAChangeThatWasCutShortIsNotCutShorter(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, MasterFile)
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Sealer.Seal("x", New(canary))
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	to := Custody{Source: FromFile, File: file}
	if err := k.ChangeMaster(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+newSuffix); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.ChangeMaster(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	again, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	opens(t, again, sealed)
}

// TestKilledWhileItChangesKeys kills a process that changes keys without a
// pause, at a random moment, many times (SAFETY T5). What it has said it sealed
// opens afterwards.
func TestKilledWhileItChangesKeys(t *testing.T) {
	if folder := os.Getenv("REKEY_TEST_CHANGE_KEYS_IN"); folder != "" {
		changeKeys(t, folder)
		return
	}
	kills := 60
	if testing.Short() {
		kills = 10
	}
	folder, said := t.TempDir(), map[string]bool{}
	for range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWhileItChangesKeys$")
		cmd.Env = append(os.Environ(), "REKEY_TEST_CHANGE_KEYS_IN="+folder)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := rand.IntN(40); n >= 0 && lines.Scan(); n-- {
			if sealed, ok := strings.CutPrefix(lines.Text(), "sealed "); ok {
				said[sealed] = true
			}
		}
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it has said until then counts too
			if sealed, ok := strings.CutPrefix(lines.Text(), "sealed "); ok && len(sealed) > 80 {
				said[sealed] = true
			}
		}
		_ = cmd.Wait() // killed, which is an error
		k, err := OpenKeyring(folder, "")
		if err != nil {
			t.Fatalf("after %d values: %v", len(said), err)
		}
		for sealed := range said {
			opens(t, k, sealed)
		}
	}
	if len(said) < kills {
		t.Errorf("only %d values were sealed in %d lives", len(said), kills)
	}
	t.Logf("killed %d times, %d values sealed, none lost", kills, len(said))
}

// changeKeys changes keys until it is killed. It drops no key, for it does not
// seal again what it has sealed.
func changeKeys(t *testing.T, folder string) {
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		fmt.Fprintln(os.Stdout, "sealed "+k.Sealer.Seal("x", New(canary)))
		if n%5 == 0 {
			_, err = k.Rotate(t.Context())
		} else {
			err = k.ChangeMaster(t.Context(), Custody{Source: FromFile, File: filepath.Join(folder, MasterFile)})
		}
		if err != nil && !errors.Is(err, ErrTooMany) {
			t.Fatal(err)
		}
	}
}

func TestAChangeWhoseEndFailsSaysSo(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, MasterFile)
	k, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Sealer.Seal("x", New(canary))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := k.ChangeMaster(t.Context(), Custody{Source: FromFile, File: file})
		if err == nil || !strings.Contains(err.Error(), "in the way") && !strings.Contains(err.Error(), newSuffix) {
			t.Errorf("%v", err)
		}
	}
	if _, err := OpenKeyring(folder, ""); err == nil {
		t.Error("a folder was taken for a master key")
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	again, err := OpenKeyring(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	opens(t, again, sealed)
}
