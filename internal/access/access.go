// Package access says who acts and what they may do.
//
// An Actor is known by how it signed in, never by a name it chose. The
// permission table below is the whole of it: what is not listed is denied.
package access

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is a set of permitted actions.
type Role string

// The roles. System is rekey itself and cannot be given to anyone.
const (
	User          Role = "user"
	Administrator Role = "administrator"
	Auditor       Role = "auditor"
	System        Role = "system"
)

// Roles lists those that can be given to a person or a token.
var Roles = []Role{User, Administrator, Auditor}

// Action names something an actor does, as the audit log spells it.
type Action string

// The actions.
const (
	ReadInventory   Action = "inventory.read"
	SyncInventory   Action = "inventory.sync"
	ReadPolicy      Action = "policy.read"
	CheckPolicy     Action = "policy.check"
	JudgeFinding    Action = "finding.acknowledge"
	ReadRotations   Action = "rotation.read"
	ProposeRotation Action = "rotation.propose"
	ApproveRotation Action = "rotation.approve"
	RefuseRotation  Action = "rotation.refuse"
	CancelRotation  Action = "rotation.cancel"
	PermitWithdraw  Action = "rotation.permit" // an override of the evidence of use
	CarryRotation   Action = "rotation.step"
	OpenIncident    Action = "incident.open"
	ApproveIncident Action = "incident.approve"
	CloseIncident   Action = "incident.close"
	ReadIncidents   Action = "incident.read"
	ReadTasks       Action = "task.read"
	LinkTask        Action = "task.link"
	FinishTask      Action = "task.done"
	ReadAudit       Action = "audit.read"
	ReadVaults      Action = "vault.read"         // which entries the vaults have, of all applications
	ReadTrail       Action = "trail.read"         // the clouds' own records
	ReadUse         Action = "usage.read"         // when and from where a credential is used
	ReviewAccess    Action = "application.access" // what an application may do
	ManageTokens    Action = "token.manage"
	ReadPeople      Action = "person.read" // people, their tokens and their sessions
	ManagePeople    Action = "person.manage"
	ManageSessions  Action = "session.manage" // those of others; everybody sees and ends their own
	SignIn          Action = "session.begin"
	SignOut         Action = "session.end"
	RunDoctor       Action = "doctor.run"
	RunDiagnosis    Action = "diagnosis.run"
	TakeSnapshot    Action = "diagnosis.snapshot" // of an environment's endpoints
	ReadSchedule    Action = "schedule.read"
	PostponeDue     Action = "schedule.postpone"
	ReadKeys        Action = "keys.read"
	RotateKeys      Action = "keys.rotate"
	ChangeMaster    Action = "keys.change-master"
	ResealValues    Action = "keys.reseal"

	HoldInstallation Action = "reconcile.hold"   // journal and world may differ
	ReadReconcile    Action = "reconcile.read"   // how they differ
	AcceptReconcile  Action = "reconcile.accept" // that they do
	CopyDatabase     Action = "database.copy"

	ReadAlerts  Action = "alert.read" // and how the channels do
	JudgeAlert  Action = "alert.acknowledge"
	SnoozeAlert Action = "alert.snooze"
	TestChannel Action = "channel.test"
	ReadFeeds   Action = "calendar.read"
	ManageFeeds Action = "calendar.manage" // make and end the addresses of calendar feeds

	KeepView  Action = "view.keep"  // a filter under a name, for oneself
	ShareView Action = "view.share" // for all
)

// everybody may look at what holds no audit and no keys.
var everybody = []Action{
	ReadInventory, ReadPolicy, CheckPolicy, ReadRotations, ReadSchedule, ReadTasks, ReadAlerts, ReadFeeds, ReadUse, KeepView, SignIn, SignOut,
}

var permitted = map[Role][]Action{
	User: slices.Concat(everybody, []Action{
		ProposeRotation, CancelRotation, PostponeDue, FinishTask, RunDiagnosis, TakeSnapshot, JudgeAlert, SnoozeAlert, ManageFeeds, ShareView,
	}),
	Auditor: slices.Concat(everybody, []Action{ReadVaults, ReadIncidents, ReadAudit, ReadTrail, ReviewAccess, ReadPeople, ReadKeys, ReadReconcile, RunDiagnosis}),
	Administrator: slices.Concat(everybody, []Action{
		SyncInventory, ReadVaults, JudgeFinding,
		ProposeRotation, ApproveRotation, RefuseRotation, CancelRotation, PermitWithdraw,
		OpenIncident, ApproveIncident, CloseIncident, ReadIncidents,
		PostponeDue, LinkTask, FinishTask,
		ReadAudit, ReadTrail, ReviewAccess, ReadPeople, ManageTokens, ManagePeople, ManageSessions, RunDoctor, RunDiagnosis, TakeSnapshot, CopyDatabase,
		ReadKeys, RotateKeys, ChangeMaster,
		HoldInstallation, ReadReconcile, AcceptReconcile,
		JudgeAlert, SnoozeAlert, TestChannel, ManageFeeds, ShareView,
	}),
	System: {SyncInventory, CheckPolicy, CarryRotation, ProposeRotation, ResealValues, HoldInstallation}, // it proposes what is due, and never approves
}

// Permits reports whether a role permits an action.
func Permits(r Role, a Action) bool { return slices.Contains(permitted[r], a) }

// Actor is whoever acts: a person, a program with a token, or rekey itself.
type Actor struct {
	ID     string `json:"id"`     // stable and unique: "entra:<tid>:<oid>", "person:<id>", "token:<id>", "local:<uid>", "rekey"
	Name   string `json:"name"`   // for people to read
	Person string `json:"person"` // who stands behind it; two actors of one person count as one
	Role   Role   `json:"role"`
	Tenant string `json:"tenant"`           // the only tenant it may see
	Issuer string `json:"issuer,omitempty"` // person who made the token it signed in with, and saw it once
	Alias  string `json:"alias,omitempty"`  // how a signed-in person is also called. It gives nothing: it only makes two actors one person

	Owner   string    `json:"-"` // object id in the directory; a user sees what that object owns
	Session string    `json:"-"` // id of the session it acts by; empty for all others
	Proved  time.Time `json:"-"` // when the person behind the session last proved who they are
	Only    string    `json:"-"` // actions, narrower than the role, with spaces between; empty: all that the role permits
}

// Rekey is the actor for what rekey does by itself in a tenant.
func Rekey(tenant string) Actor {
	return Actor{ID: "rekey", Name: "rekey", Person: "rekey", Role: System, Tenant: tenant}
}

// DeniedError reports an action outside an actor's role.
type DeniedError struct {
	Actor  Actor
	Action Action
	Why    string // empty: the role does not permit it
}

func (e *DeniedError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("%s may not do %s: %s", e.Actor.Name, e.Action, e.Why)
	}
	return fmt.Sprintf("%s has the role %s, which does not permit %s", e.Actor.Name, e.Actor.Role, e.Action)
}

// Check returns a *DeniedError unless a's role permits the action, and a
// *StepUpError if it does but the person has to prove anew who they are.
func (a Actor) Check(action Action) error {
	switch {
	case !slices.Contains(permitted[a.Role], action):
		return &DeniedError{Actor: a, Action: action}
	case a.Only != "" && !slices.Contains(strings.Fields(a.Only), string(action)):
		return &DeniedError{Actor: a, Action: action, Why: "its token is for other actions"}
	case slices.Contains(delicate, action):
		return a.Afresh(action)
	}
	return nil
}

// Entangled reports whether one of the two made the token of the other, and so
// has seen it and could act in the other's name.
func (a Actor) Entangled(b Actor) bool {
	return a.Issuer != "" && a.Issuer == b.Person || b.Issuer != "" && b.Issuer == a.Person
}

// Local reports whether it acts as a user account of the machine that holds the data.
func (a Actor) Local() bool { return strings.HasPrefix(a.ID, "local:") }

// Same reports whether the same person stands behind both actors. A person who
// signs in as an object of the directory may also have a token that was made for
// their address; that counts against them, never for them.
func (a Actor) Same(b Actor) bool {
	return a.ID == b.ID || a.Person == b.Person || a.goesBy(b.Person) || b.goesBy(a.Person) || a.goesBy(b.Alias)
}

func (a Actor) goesBy(name string) bool { return a.Alias != "" && strings.EqualFold(a.Alias, name) }
