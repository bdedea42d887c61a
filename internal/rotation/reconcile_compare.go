package rotation

import (
	"fmt"
	"slices"
	"strings"

	"rekey.example/rekey/internal/inventory"
)

// compare says how the world differs from what a rotation of the journal expects;
// nil if it does not, or if the rotation has ended and nothing rests on it.
func (k *Keeper) compare(r *Rotation, h *holding) *Finding {
	f := &Finding{Rotation: r.ID, Application: h.app.Name, Holder: h.app.ObjectID, Journal: r.told(), World: k.worldOf(r, h)}
	if r.State != Open {
		return k.compareEnded(r, h, f)
	}
	why := k.differs(r, h)
	if why == "" {
		return nil
	}
	f.Then = ThenVoid
	f.Text = "the rotation ends as void: " + why
	if c := k.alive(r, h); c != nil {
		f.Credential, f.Label = c.KeyID, c.Label
		f.Proved = markerOf(c.Label) != ""
		f.Text += fmt.Sprintf("; credential %s, which it made, stays, and nothing of it is withdrawn", c.KeyID)
	}
	return f
}

// compareEnded looks at a rotation that is over: its end has to be true still.
func (k *Keeper) compareEnded(r *Rotation, h *holding, f *Finding) *Finding {
	last := r == h.rotations[len(h.rotations)-1]
	if r.State != Done || r.Issued == nil || !last || h.gone {
		return nil
	}
	e := h.entry(r)
	shown, holds := h.shows(*r.Issued), e.print == r.Print
	f.Then, f.Credential = ThenKeep, r.Issued.KeyID
	switch {
	case shown && holds:
		return nil
	case !shown && holds:
		f.Text = fmt.Sprintf("%s holds the value of a credential that is gone: whoever reads it is cut off. Put a value there that is accepted, or rotate a credential that is there", r.Terms.Place)
	case e.trouble != "":
		f.Text = "nothing is done; look why the vault entry " + e.trouble
	default:
		f.Text = "nothing is done: the world has gone on; the next reading of the inventory takes it over"
	}
	return f
}

// differs says why a rotation cannot go on: its picture is not that of the world.
func (k *Keeper) differs(r *Rotation, h *holding) string {
	if h.gone {
		return "the directory does not know the application any more"
	}
	for _, c := range h.list {
		if !r.approved(c.KeyID) && r.ours(c) == nil && (r.Issued == nil || r.Issued.KeyID != c.KeyID) {
			return fmt.Sprintf("credential %s (%q) is there, of which the journal does not know", c.KeyID, c.Label)
		}
	}
	if c := k.alive(r, h); c != nil && (r.Issued == nil || r.Issued.KeyID != c.KeyID) {
		return fmt.Sprintf("credential %s was made by a request whose answer the journal does not have", c.KeyID)
	}
	e, oldShown := h.entry(r), h.shows(r.Terms.Old)
	if e.trouble != "" && r.Terms.Place.Name != "" && !(e.trouble == "is missing" && r.Terms.Place.Version == "" && r.Put.IsZero()) {
		return fmt.Sprintf("%s %s", r.Terms.Place, e.trouble)
	}
	ours, former := r.Print != "" && e.print == r.Print, e.version == r.Terms.Place.Version
	switch {
	case r.Issued != nil && !h.shows(*r.Issued):
		return "the new credential " + r.Issued.KeyID + " is gone"
	case !oldShown && !r.Pivoted():
		return "the old credential " + r.Terms.Old.KeyID + " is gone already: this rotation, or another, was finished in the time that the journal lacks"
	case r.Terms.Place.Name == "":
		return ""
	case !r.Switched.IsZero() && !ours:
		return fmt.Sprintf("%s holds another value (version %s) than this rotation has put there", r.Terms.Place, e.version)
	case r.Switched.IsZero() && r.Put.IsZero() && !former:
		return fmt.Sprintf("%s has version %s, which the journal does not know", r.Terms.Place, e.version)
	case r.Switched.IsZero() && !former && !ours:
		return fmt.Sprintf("%s was written by somebody else (version %s)", r.Terms.Place, e.version)
	}
	return ""
}

// alive is the credential that a rotation made and that may be in use: the one it
// adopted, or one whose request was out when the journal ends. Attempts that were
// given up before are no such: their values are lost for good.
func (k *Keeper) alive(r *Rotation, h *holding) *inventory.Credential {
	for i, c := range h.list {
		if r.Issued != nil && c.KeyID == r.Issued.KeyID {
			return &h.list[i]
		}
		if r.approved(c.KeyID) || markerOf(c.Label) == "" {
			continue
		}
		if a := r.ours(c); a != nil && a.State != Intended {
			continue
		}
		if k.made(r, c) > 0 {
			return &h.list[i]
		}
	}
	return nil
}

// attemptsTried is how many markers of a rotation are tried to recognise one.
const attemptsTried = 30

// made is the number of the attempt of a rotation that a credential's marker
// proves, 0 if it is none: nobody without the installation's key can make one.
func (k *Keeper) made(r *Rotation, c inventory.Credential) int {
	m := markerOf(c.Label)
	for n := 1; n <= attemptsTried && m != ""; n++ {
		if k.marker(r, n) == m {
			return n
		}
	}
	return 0
}

// unexplained are the credentials of an application that no rotation of the journal
// accounts for. They stay: nothing of them is known.
func (k *Keeper) unexplained(h *holding, list []inventory.Credential) (found []Finding) {
	for _, c := range list {
		if k.explained(h, c) {
			continue
		}
		f := Finding{Application: h.app.Name, Holder: h.app.ObjectID, Credential: c.KeyID, Label: c.Label, Then: ThenKeep,
			Journal: "nothing", World: fmt.Sprintf("credential %s (%q), since %s", c.KeyID, c.Label, minute(c.Starts))}
		if f.Proved = k.proved(h, c); f.Proved {
			f.World += ", made by a rotation of this installation that the journal lacks"
		} else if markerOf(c.Label) != "" {
			f.World += ", with a marker that nothing proves to be ours"
		}
		f.Text = "it stays; it may be in use. rekey revoke ends it once somebody knows that it is not"
		found = append(found, f)
	}
	return found
}

// explained reports whether a rotation of the journal accounts for a credential.
func (k *Keeper) explained(h *holding, c inventory.Credential) bool {
	return slices.ContainsFunc(h.rotations, func(r *Rotation) bool {
		return r.approved(c.KeyID) || r.Issued != nil && r.Issued.KeyID == c.KeyID || r.ours(c) != nil || r.State == Open && k.made(r, c) > 0
	})
}

// proved reports whether a marker was made with our key: for a rotation of the
// journal, or for one whose id stands in a vault entry's tags.
func (k *Keeper) proved(h *holding, c inventory.Credential) bool {
	for _, r := range h.rotations {
		if k.made(r, c) > 0 {
			return true
		}
	}
	for _, e := range h.entries {
		if e.rotation != "" && e.attempt == markerOf(c.Label) {
			if k.made(&Rotation{ID: e.rotation, Terms: Terms{Application: h.app}}, c) > 0 {
				return true
			}
		}
	}
	return false
}

// told is what the journal says of a rotation.
func (r *Rotation) told() string {
	text := string(r.State)
	if s := r.Current(); s != nil {
		text += ", at the step " + s.Name
	}
	text += "; old credential " + r.Terms.Old.KeyID
	if r.Pivoted() {
		text += " (withdrawn)"
	}
	if r.Issued != nil {
		text += ", new credential " + r.Issued.KeyID
	}
	if !r.Switched.IsZero() {
		text += ", deposited as version " + r.Entry
	}
	return text
}

// worldOf is what directory and vault say of it.
func (k *Keeper) worldOf(r *Rotation, h *holding) string {
	if h.gone {
		return "the application is gone"
	}
	var ids []string
	for _, c := range h.list {
		ids = append(ids, c.KeyID)
	}
	slices.Sort(ids)
	text := "credentials " + strings.Join(ids, ", ")
	if len(ids) == 0 {
		text = "no credential"
	}
	if r.Terms.Place.Name == "" {
		return text
	}
	e := h.entry(r)
	if e.trouble != "" {
		return fmt.Sprintf("%s; %s %s", text, r.Terms.Place, e.trouble)
	}
	text += fmt.Sprintf("; %s has version %s", r.Terms.Place, e.version)
	if e.keyID != "" {
		text += ", whose tag names credential " + e.keyID
	}
	if e.rotation != "" && e.rotation != r.ID {
		text += " and rotation " + e.rotation
	}
	return text
}
