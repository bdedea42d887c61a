package diagnosis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey.example/rekey/internal/connector/azure"
	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// Inquiry is what a person asks about. Any of it may be empty, not all.
type Inquiry struct {
	Text     string // that was pasted
	App      string // client id, object id or name
	Entry    string // vault/name
	Endpoint string // ENVIRONMENT/ENDPOINT of Finance and Operations, the host of a topic or namespace

	// What the person knows of the value that the consumer is configured with.
	Hint   string       // its first three characters
	Length int          // in characters
	Secret secret.Value // itself; it is tried once and forgotten
}

// ErrNothing means that an inquiry is empty.
var ErrNothing = errors.New("there is nothing to diagnose: give a text, an application, a vault entry or an endpoint")

// Examiner walks the chain. It reads as rekey's reading identity does and changes
// nothing anywhere.
//
// What a text names is foreign: our token goes to Graph, to the manager, to
// configured vaults and to those that our subscriptions list, to configured
// environments, and nowhere else.
type Examiner struct {
	Patient      Patient  // the tenant, the wire, the reader, the vaults
	Environments []string // hosts of Finance and Operations environments
	Recall       Recall
}

// Recall is what the inventory remembers and a directory does not tell. A nil one
// remembers nothing.
type Recall struct {
	Find  func(ctx context.Context, text string) (inventory.Application, error)
	Hint  func(ctx context.Context, hint string) ([]inventory.Recalled, error)        // credentials whose value began so, gone ones too
	Place func(ctx context.Context, at inventory.Place) ([]inventory.Recalled, error) // credentials whose value is kept there
	Kept  func(ctx context.Context, objectID string) ([]inventory.Place, error)       // where the values of an object's credentials are kept
}

// walker is one walk on its way.
type walker struct {
	*Examiner
	w       *Walk
	inquiry Inquiry
	symptom *Symptom // the most telling one; nil if the text says nothing that is known
	foreign bool     // the text speaks of a tenant that is not ours

	plain  *doctor // speaks without a token
	reader *azure.Identity
	login  *rest.Client
	graph  *rest.Client
	arm    *rest.Client

	app           *object // nil until found
	principal     *object
	vault         *armVault     // nil: not one of ours, or it could not be looked up
	newestVersion *entryVersion // of the entry
	identity      string        // object id of the identity with which an app reads
	reads         []read        // Key Vault references

	value     secret.Value // that the entry holds, or that the person gave
	from      string       // where it comes from, in words
	content   string       // what the entry holds, by its form
	fromVault bool
	good      bool // it signs in

	subs    []string    // subscriptions, read once
	vaults  *[]armVault // theirs, likewise
	records *history    // sign-ins, likewise
	changed *[]change   // of credentials, likewise
	noAudit bool        // the audit log could not be read: who withdrew what is not known
}

// Diagnose walks the chain. Its error is ErrNothing, or that ctx ended; whatever
// cannot be asked on the way is said in the walk.
func (e *Examiner) Diagnose(ctx context.Context, q Inquiry) (*Walk, error) {
	if strings.TrimSpace(q.Text+q.App+q.Entry+q.Endpoint) == "" {
		return nil, ErrNothing
	}
	p := Read(q.Text)
	l := &walker{Examiner: e, w: emptyWalk(p.Facts), inquiry: q, value: q.Secret, from: "what you gave"}
	l.w.Symptoms = recognise(p)
	if len(l.w.Symptoms) > 0 {
		l.symptom = &l.w.Symptoms[0]
	}
	l.given()
	if l.way(ctx) {
		l.all(ctx)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("cannot finish the diagnosis: %w", context.Cause(ctx))
	}
	if !q.Secret.IsZero() {
		q.Secret.Zero()
	}
	l.conclude()
	return l.w, nil
}

// given puts what the person said before what the text says.
func (l *walker) given() {
	f, q := &l.w.Facts, l.inquiry
	if !q.Secret.IsZero() {
		f.Shape = ShapeOf(q.Secret)
	} else if q.Hint != "" || q.Length > 0 {
		f.Shape = Shape{Hint: q.Hint, Length: q.Length}
	}
	if q.Entry != "" {
		vault, name, _ := strings.Cut(strings.TrimPrefix(q.Entry, "https://"), "/")
		name = strings.TrimPrefix(name, "secrets/")
		name, version, pinned := strings.Cut(name, "@")
		if !pinned {
			name, version, _ = strings.Cut(name, "/")
		}
		f.Vault, f.Secret, f.Version = vault, name, version
	}
	if q.Endpoint != "" {
		f.endpoint(q.Endpoint)
	}
	if guid.MatchString(strings.TrimSpace(q.App)) {
		f.Client = strings.TrimSpace(q.App)
	}
	f.tidy()
}

// all looks at every link that there is something known about.
func (l *walker) all(ctx context.Context) {
	l.tenant(ctx)
	l.endpoint(ctx)
	l.whichEntry(ctx)
	l.application(ctx)
	l.whereKept(ctx)
	l.sites(ctx)
	l.assertionTime()
	l.vaultName(ctx)
	l.vaultWay(ctx)
	l.rights(ctx)
	l.entry(ctx)
	l.credential(ctx)
	l.scope()
	l.api(ctx)
	l.policy(ctx)
	l.permission(ctx)
	l.current(ctx)
	l.consumer(ctx)
	l.target(ctx)
}

const armHost = "https://management.azure.com"

func (l *walker) client(base, scope string) (*rest.Client, error) {
	return rest.New(rest.Config{Base: base, Transport: l.plain.plain.Transport, Credential: l.reader, Scope: scope, Tries: 2, Largest: 8 << 20})
}

// get reads one document and notes the question with its answer. Its error is nil,
// connector.ErrNotFound, or something that leaves the link open.
func (l *walker) get(ctx context.Context, link *Link, from *rest.Client, what, path string, into any) error {
	if from == nil {
		return errBlind
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	head, query, found := strings.Cut(path, "?")
	if found {
		head += "?" + escape(query)
	}
	err := from.Get(ctx, head, into)
	if err != nil {
		link.asked(what, "%s", sentenceOf(err))
	}
	return err
}

var errBlind = errors.New("rekey's own identity cannot look")

// sentenceOf is an error for a person's eyes: status, code and the service's words.
func sentenceOf(err error) string {
	if e, ok := errors.AsType[*rest.Error](err); ok {
		code := e.Code
		if e.Inner != "" {
			code = e.Inner
		}
		return strings.TrimSpace(fmt.Sprintf("%d %s %s", e.Status, code, e.Message))
	}
	if e, ok := errors.AsType[*azure.SignInError](err); ok {
		return "rekey's own sign-in failed: " + e.Text
	}
	return err.Error()
}

func status(err error) int {
	if e, ok := errors.AsType[*rest.Error](err); ok {
		return e.Status
	}
	return 0
}

func clip(s string, longest int) string { return rest.Clean(s, longest) }

func (e *Examiner) configured(host string) (Vault, bool) {
	for _, v := range e.Patient.Vaults {
		if strings.EqualFold(v.Host, host) {
			return v, true
		}
	}
	return Vault{}, false
}

func (l *walker) remark(format string, a ...any) {
	l.w.Answer.Remarks = append(l.w.Answer.Remarks, fmt.Sprintf(format, a...))
}
