package connector

import (
	"context"
	"fmt"
	"time"
)

// Channel carries messages to people or to machines: a mail server, a room of a
// chat, an on-call service, a log.
type Channel interface {
	// Send hands one message over, in one try. nil means that it was taken. An
	// error that wraps ErrNotApplied means that it surely was not; an
	// *UndeliverableError, that trying again is no use. After any other error
	// nobody knows.
	Send(context.Context, Message) error
	Traits() Traits
}

// Traits say how a channel wants to be used.
type Traits struct {
	// Machine channels get one message for each item, as soon as there is one, and
	// hear too that an alert was acknowledged or has settled.
	Machine bool
	// Repeatable channels take a message with an id that they have seen as the same
	// one. Only to these is a message sent again whose answer was lost.
	Repeatable bool
	// Personal channels send to the address of a person; the others have one place.
	Personal bool
}

// UndeliverableError means that a message, or any, can never be handed over this way.
type UndeliverableError struct {
	Why string
	// Recipient is true if only this recipient is refused; otherwise nothing gets
	// through here until somebody changes the configuration.
	Recipient bool
}

func (e *UndeliverableError) Error() string { return e.Why }
func (e *UndeliverableError) Unwrap() error { return ErrNotApplied }

// Message is what a channel carries. It is the same, with the same id, however
// often it is tried. It holds no secret.
type Message struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Name    string    `json:"name,omitempty"` // of the tenant, for people
	To      string    `json:"to,omitempty"`   // address of a person; empty for channels with one place
	Subject string    `json:"subject"`
	Intro   string    `json:"intro,omitempty"`
	Items   []Item    `json:"items"`
	More    int       `json:"more,omitempty"` // items that did not fit
	Made    time.Time `json:"made"`
	Thread  string    `json:"thread,omitempty"` // messages of one matter have the same
	Link    string    `json:"link,omitempty"`   // to the page with all of them
	Digest  bool      `json:"digest,omitempty"`
	Again   bool      `json:"again,omitempty"` // some of it may have been received before
	Test    bool      `json:"test,omitempty"`
}

// Item is one alert in a message.
type Item struct {
	Alert    string    `json:"alert"`
	Key      string    `json:"key"`  // what receivers know the same matter at the same urgency by
	Keys     []string  `json:"keys"` // all that were told of this alert; for what ends it
	Act      Act       `json:"act"`
	Kind     string    `json:"kind"` // credential.ending, rotation.waiting, ...
	Severity string    `json:"severity"`
	Headline string    `json:"headline"`
	Text     string    `json:"text,omitempty"`
	Facts    []Fact    `json:"facts,omitempty"`
	Link     string    `json:"link,omitempty"`
	Ends     time.Time `json:"ends,omitzero"`
	Opened   time.Time `json:"opened"`
	Again    bool      `json:"again,omitempty"`
	Rung     int       `json:"rung,omitempty"` // days before the end, of the step of the ladder that this is about
	Level    int       `json:"level,omitempty"`
	Judge    string    `json:"judge,omitempty"` // who acknowledged it

	Application string `json:"application,omitempty"` // its name
	ObjectID    string `json:"objectId,omitempty"`
	ClientID    string `json:"clientId,omitempty"`
	KeyID       string `json:"keyId,omitempty"`
	UID         string `json:"uid,omitempty"` // of the end in calendars
}

// Act is what has become of an alert.
type Act string

// The acts.
const (
	Raised       Act = "raised"
	Escalated    Act = "escalated"
	Acknowledged Act = "acknowledged"
	Settled      Act = "settled"
)

// Fact is one line of what is known.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Undeliverable says that nothing gets through until the configuration changes.
func Undeliverable(format string, a ...any) error {
	return &UndeliverableError{Why: fmt.Sprintf(format, a...)}
}
