package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"rekey.example/rekey/internal/secret"
	"rekey.example/rekey/internal/store"
)

// Passkey is a key in somebody's device or password manager. Its private half
// never leaves there.
type Passkey struct {
	ID      string // credential id, base64url
	Person  string
	Name    string
	Created time.Time
	Used    time.Time
	body    string // webauthn.Credential as JSON
}

// Site is where passkeys hold: they are bound to a host name.
type Site struct {
	Host   string // rekey.contoso.com, without a port
	Origin string // https://rekey.contoso.com
}

const (
	purposeRegister = "passkey-register"
	purposePasskey  = "passkey"
	mostPasskeys    = 20 // of one person
	largestAnswer   = 64 << 10
)

func (s Site) relying() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: s.Host, RPDisplayName: "rekey", RPOrigins: []string{s.Origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
}

// keyHolder is a person as the library asks for one.
type keyHolder struct {
	Person
	keys []webauthn.Credential
}

func (h *keyHolder) WebAuthnID() []byte                         { return []byte(h.ID) }
func (h *keyHolder) WebAuthnName() string                       { return h.Subject }
func (h *keyHolder) WebAuthnDisplayName() string                { return h.Name }
func (h *keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func (d *Door) holder(ctx context.Context, id string) (*keyHolder, error) {
	h := &keyHolder{}
	err := d.Store.View(ctx, func(tx *store.Tx) (err error) {
		if h.Person, err = personByID(tx, d.Tenant, id); err != nil {
			return err
		}
		list, err := selectPasskeys(tx, d.Tenant, id)
		for _, k := range list {
			var c webauthn.Credential
			if err := json.Unmarshal([]byte(k.body), &c); err != nil {
				return fmt.Errorf("cannot read a passkey of %s: %w", id, err)
			}
			h.keys = append(h.keys, c)
		}
		return err
	})
	if err == nil && (h.Kind != FromHere || !h.Disabled.IsZero()) {
		err = ErrCredentials
	}
	return h, err
}

// BeginPasskey begins to make a passkey for a signed-in local person, who has
// proved lately who they are. The options are for the browser.
func (d *Door) BeginPasskey(ctx context.Context, at Site, v Visit, browser secret.Value) (options any, state secret.Value, err error) {
	if err := v.Actor.Afresh(ManagePeople); err != nil {
		return nil, state, err
	}
	h, err := d.holder(ctx, personID(v.Actor))
	if err != nil {
		return nil, state, err
	}
	if len(h.keys) >= mostPasskeys {
		return nil, state, personProblem("%d passkeys are enough; remove one first", mostPasskeys)
	}
	w, err := at.relying()
	if err != nil {
		return nil, state, err
	}
	creation, session, err := w.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return nil, state, fmt.Errorf("cannot begin to make a passkey: %w", err)
	}
	state, err = d.remember(ctx, browser, purposeRegister, h.ID, session)
	return creation, state, err
}

func (d *Door) remember(ctx context.Context, browser secret.Value, purpose, person string, session *webauthn.SessionData) (secret.Value, error) {
	data, err := json.Marshal(session)
	if err != nil {
		return secret.Value{}, err
	}
	return d.Begin(ctx, browser, Attempt{Purpose: purpose, Person: person, Data: string(data)})
}

// AddPasskey ends what BeginPasskey began, with the browser's answer.
func (d *Door) AddPasskey(ctx context.Context, at Site, v Visit, browser, state secret.Value, name string, answer []byte) error {
	a, session, err := d.recall(ctx, browser, state, purposeRegister, answer)
	if err != nil {
		return err
	}
	if a.Person != personID(v.Actor) {
		return ErrAttempt
	}
	h, err := d.holder(ctx, a.Person)
	if err != nil {
		return err
	}
	w, err := at.relying()
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return ErrCredentials
	}
	made, err := w.CreateCredential(h, session, parsed)
	if err != nil {
		return errors.Join(ErrCredentials, err)
	}
	body, err := json.Marshal(made)
	if err != nil {
		return err
	}
	k := Passkey{ID: base64.RawURLEncoding.EncodeToString(made.ID), Person: h.ID, Name: named(clip(name, 64), "Passkey"), Created: time.Now().UTC(), body: string(body)}
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		if err := insertPasskey(tx, d.Tenant, k); err != nil {
			return err
		}
		return d.record(tx, Deed{By: v.Actor, Action: SignIn, Subject: h.ID, Title: h.Name, Detail: map[string]string{"made": "passkey", "name": k.Name}})
	})
}

func (d *Door) recall(ctx context.Context, browser, state secret.Value, purpose string, answer []byte) (a Attempt, session webauthn.SessionData, err error) {
	if len(answer) > largestAnswer {
		return a, session, ErrAttempt
	}
	if a, err = d.End(ctx, browser, state, purpose); err != nil {
		return a, session, err
	}
	return a, session, json.Unmarshal([]byte(a.Data), &session)
}

// AskPasskey begins a sign-in with a passkey: the browser shows those it has, so
// that no name is asked for.
func (d *Door) AskPasskey(ctx context.Context, at Site, browser secret.Value) (options any, state secret.Value, err error) {
	w, err := at.relying()
	if err != nil {
		return nil, state, err
	}
	assertion, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, state, fmt.Errorf("cannot ask for a passkey: %w", err)
	}
	state, err = d.remember(ctx, browser, purposePasskey, "", session)
	return assertion, state, err
}

// CheckPasskey says who a local person is by the browser's answer. Its error is
// ErrCredentials for everything that does not fit.
func (d *Door) CheckPasskey(ctx context.Context, at Site, browser, state secret.Value, answer []byte) (Person, error) {
	_, session, err := d.recall(ctx, browser, state, purposePasskey, answer)
	if err != nil {
		return Person{}, err
	}
	w, err := at.relying()
	if err != nil {
		return Person{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Person{}, ErrCredentials
	}
	var who *keyHolder
	_, used, err := w.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		if len(handle) > 64 || !strings.HasPrefix(string(handle), "p-") {
			return nil, ErrCredentials
		}
		h, err := d.holder(ctx, string(handle))
		who = h
		return h, err
	}, session, parsed)
	if err != nil || who == nil {
		return Person{}, errors.Join(ErrCredentials, err)
	}
	if used.Authenticator.CloneWarning { // its counter went back: somebody has a copy
		return Person{}, errors.Join(ErrCredentials, errors.New("the passkey seems to have been copied"))
	}
	body, err := json.Marshal(used)
	if err != nil {
		return Person{}, err
	}
	id := base64.RawURLEncoding.EncodeToString(used.ID)
	return who.Person, d.Store.Do(ctx, func(tx *store.Tx) error { return usePasskey(tx, d.Tenant, id, string(body), time.Now()) })
}

// Passkeys lists a signed-in local person's own.
func (d *Door) Passkeys(ctx context.Context, v Visit) (list []Passkey, err error) {
	err = d.Store.View(ctx, func(tx *store.Tx) error {
		list, err = selectPasskeys(tx, d.Tenant, personID(v.Actor))
		return err
	})
	return list, err
}

// RemovePasskey removes one of a signed-in person's passkeys, never the last way
// in.
func (d *Door) RemovePasskey(ctx context.Context, v Visit, id string) error {
	if err := v.Actor.Afresh(ManagePeople); err != nil {
		return err
	}
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		p, err := personByID(tx, d.Tenant, personID(v.Actor))
		if err != nil {
			return err
		}
		if !p.Password && p.Passkeys < 2 {
			return personProblem("it is the only way in; set a password or make another passkey first")
		}
		if err := deletePasskey(tx, d.Tenant, p.ID, id); err != nil {
			return err
		}
		return d.record(tx, Deed{By: v.Actor, Action: SignIn, Subject: p.ID, Title: p.Name, Detail: map[string]string{"removed": "passkey"}})
	})
}

// SetPassword gives a signed-in local person another password, or takes it away
// if it is empty and they have a passkey. All other sessions of theirs end.
func (d *Door) SetPassword(ctx context.Context, v Visit, password secret.Value) (err error) {
	if err := v.Actor.Afresh(ManagePeople); err != nil {
		return err
	}
	p, err := d.person(ctx, personID(v.Actor))
	if err != nil {
		return err
	}
	if p.Kind != FromHere {
		return personProblem("%s signs in at Entra", p.Name)
	}
	encoded, what := "", "removed"
	if !password.IsZero() {
		if err := goodPassword(password, p.Subject); err != nil {
			return err
		}
		if encoded, err = d.encode(ctx, password); err != nil {
			return err
		}
		what = "changed"
	} else if p.Passkeys == 0 {
		return personProblem("it is the only way in; make a passkey first")
	}
	return d.Store.Do(ctx, func(tx *store.Tx) error {
		if err := setPassword(tx, d.Tenant, p.ID, encoded); err != nil {
			return err
		}
		if err := endOtherSessions(tx, d.Tenant, p.ID, v.Session, time.Now(), v.Actor.ID); err != nil {
			return err
		}
		return d.record(tx, Deed{By: v.Actor, Action: SignIn, Subject: p.ID, Title: p.Name, Detail: map[string]string{"password": what}})
	})
}
