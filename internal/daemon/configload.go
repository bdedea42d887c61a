package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/v2"

	"rekey.example/rekey/internal/secret"
)

// Given is where a configuration comes from besides its defaults.
type Given struct {
	Data  string                      // --data; empty: REKEY_DATA, or where the system keeps such things
	File  string                      // --config; empty: REKEY_CONFIG, or rekey.yaml in the data folder
	Flags map[string]string           // other flags, by key
	Env   func(string) (string, bool) // os.LookupEnv
}

// Loaded is a configuration and where each part of it came from.
type Loaded struct {
	Config   Config
	File     string // that was read; empty if there is none
	Settings []Setting
}

// Setting is one key with its value.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	From    string `json:"from"` // default, rekey.yaml line 12, REKEY_LISTEN, --listen
	Meaning string `json:"meaning"`
}

// Load reads the configuration: flags over environment over file over defaults.
func Load(g Given) (*Loaded, error) {
	data, dataFrom := g.Folder()
	file, must := g.file(data)
	values, err := readFile(file, must)
	if err != nil {
		return nil, err
	}
	if values.lines == nil {
		file = ""
	}
	l := &layers{k: koanf.New("."), from: map[string]string{}}
	if err := l.add(toMap(reflect.ValueOf(Defaults(data))), "default"); err != nil {
		return nil, err
	}
	l.from["data"] = dataFrom
	if err := l.add(values.values, ""); err != nil {
		return nil, err
	}
	for key, line := range values.lines {
		l.from[key] = fmt.Sprintf("%s line %d", filepath.Base(file), line)
	}
	if dataFrom != "default" { // REKEY_DATA and --data stand above the file
		if err := l.set("data", data, dataFrom); err != nil {
			return nil, err
		}
	}
	for _, k := range Keys() {
		if err := l.override(k, g); err != nil {
			return nil, err
		}
	}
	loaded := &Loaded{File: file}
	if err := l.k.Unmarshal("", &loaded.Config); err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if err := loaded.Config.secrets(g.Env); err != nil {
		return nil, err
	}
	loaded.Settings = l.settings(&loaded.Config)
	return loaded, loaded.Config.check()
}

// Folder is the data folder, and where its name came from.
func (g Given) Folder() (folder, from string) {
	if g.Data != "" {
		return absolute(g.Data), "--data"
	}
	if v, ok := g.Env("REKEY_DATA"); ok && v != "" {
		return absolute(v), "REKEY_DATA"
	}
	return DefaultData(g.Env), "default"
}

// DefaultData is /var/lib/rekey for root, else the user's own data folder.
func DefaultData(env func(string) (string, bool)) string {
	if os.Geteuid() == 0 {
		return "/var/lib/rekey"
	}
	if v, ok := env("XDG_DATA_HOME"); ok && filepath.IsAbs(v) {
		return filepath.Join(v, "rekey")
	}
	home, ok := env("HOME")
	if !ok {
		home, _ = os.UserHomeDir() // empty without one: then the folder is in the current one
	}
	return filepath.Join(home, ".local", "share", "rekey")
}

func absolute(folder string) string {
	if a, err := filepath.Abs(folder); err == nil {
		return a
	}
	return folder
}

// file is the one to read, and whether it has to exist.
func (g Given) file(data string) (name string, must bool) {
	if g.File != "" {
		return g.File, true
	}
	if v, ok := g.Env("REKEY_CONFIG"); ok && v != "" {
		return v, true
	}
	return filepath.Join(data, FileName), false
}

func readFile(file string, must bool) (settings, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return settings{}, nil
	}
	if err != nil {
		return settings{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return parse(filepath.Base(file), text)
}

// layers are the sources, merged one over the other.
type layers struct {
	k    *koanf.Koanf
	from map[string]string
}

// nested is a koanf provider of values that are there already.
type nested map[string]any

func (n nested) Read() (map[string]any, error) { return n, nil }
func (n nested) ReadBytes() ([]byte, error)    { return nil, errors.New("not read from bytes") }

func (l *layers) add(values map[string]any, from string) error {
	for _, k := range Keys() {
		if from != "" {
			l.from[k.Name] = from
		}
	}
	if err := l.k.Load(nested(values), nil); err != nil {
		return fmt.Errorf("cannot merge the configuration: %w", err)
	}
	return nil
}

func (l *layers) set(key string, value any, from string) error {
	if err := l.k.Set(key, value); err != nil {
		return fmt.Errorf("cannot set %s: %w", key, err)
	}
	l.from[key] = from
	return nil
}

// override takes a key's value from the environment and from a flag.
func (l *layers) override(k Key, g Given) error {
	text, from, ok, err := k.environment(g.Env)
	if err != nil {
		return err
	}
	if v, flag := g.Flags[k.Name]; flag {
		text, from, ok = v, "--"+k.Name, true
	}
	if !ok || k.Name == "data" {
		return nil
	}
	v, err := scalar(text, k.kind)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if k.kind.Kind() == reflect.Slice {
		v = strings.Split(text, ",")
	}
	return l.set(k.Name, v, from)
}

// environment looks up the key's variable, or the file that it names with _FILE
// behind it.
func (k Key) environment(env func(string) (string, bool)) (text, from string, ok bool, err error) {
	if k.Variable == "" {
		return "", "", false, nil
	}
	if v, ok := env(k.Variable); ok && v != "" {
		return v, k.Variable, true, nil
	}
	name, ok := env(k.Variable + "_FILE")
	if !ok || name == "" {
		return "", "", false, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", "", false, fmt.Errorf("cannot read what %s_FILE names: %w", k.Variable, err)
	}
	return strings.TrimSpace(string(b)), k.Variable + "_FILE", true, nil
}

// secrets takes the client secrets from the environment or from their files.
func (c *Config) secrets(env func(string) (string, bool)) error {
	for _, of := range []struct {
		who string
		id  *Identity
	}{{"READER", &c.Reader}, {"WRITER", &c.Writer}} {
		if v, ok := env("REKEY_" + of.who + "_CLIENT_SECRET"); ok && v != "" {
			of.id.ClientSecret = secret.New(v)
			continue
		}
		if of.id.ClientSecretFile == "" {
			continue
		}
		b, err := os.ReadFile(of.id.ClientSecretFile)
		if err != nil {
			return fmt.Errorf("cannot read the %s's client secret: %w", strings.ToLower(of.who), err)
		}
		of.id.ClientSecret = secret.New(strings.TrimSpace(string(b)))
	}
	return errors.Join(c.MasterKey.secrets(env), c.webhookSecrets(env), c.channelSecrets(env), c.trailSecrets(env), c.SignIn.secrets(env))
}

func (l *layers) settings(c *Config) []Setting {
	var list []Setting
	for _, k := range Keys() {
		if strings.Contains(k.Name, "[]") {
			continue
		}
		v := reflect.ValueOf(*c)
		for part := range strings.SplitSeq(k.Name, ".") {
			f, _ := fieldNamed(v.Type(), part)
			v = v.FieldByIndex(f.Index)
		}
		list = append(list, Setting{Key: k.Name, Value: display(v), From: l.from[k.Name], Meaning: k.Meaning})
	}
	return list
}

// display is a value as the file writes it, without a password.
func display(v reflect.Value) string {
	switch {
	case isDuration(v.Type()):
		return FormatDuration(time.Duration(v.Int()))
	case isList(v.Type()):
		var parts []string
		for i := range v.Len() {
			parts = append(parts, display(v.Index(i).Field(0)))
		}
		return strings.Join(parts, ", ")
	case v.Kind() == reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, display(v.Index(i)))
		}
		return strings.Join(parts, ", ")
	case v.Kind() == reflect.String:
		return withoutPassword(v.String())
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return fmt.Sprint(v.Interface())
}

// toMap nests a configuration as the file does.
func toMap(v reflect.Value) map[string]any {
	m := map[string]any{}
	for f := range fieldsOf(v.Type()) {
		value := v.FieldByIndex(f.Index)
		if isStruct(f.Type) {
			m[keyName(f)] = toMap(value)
		} else if !value.IsZero() {
			m[keyName(f)] = value.Interface()
		}
	}
	return m
}

// DefaultSettings are the keys with their defaults. The data folder is left out,
// since it depends on who asks.
func DefaultSettings() []Setting {
	c := Defaults("")
	l := layers{from: map[string]string{}}
	return l.settings(&c)
}
