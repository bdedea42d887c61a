package inventory

// A resource's key keeps its id for ever; what is new of it is its value. What was
// read of the value is therefore known until there is a sign of another one.

// print is the keyed hash that was read of the credential at i, if any was.
func (o *Object) print(i int) string {
	if i < len(o.Prints) {
		return o.Prints[i]
	}
	return ""
}

// recognised is the fingerprint to keep of a credential that was read, after what
// was known of it. Where the reading did not look at values, what is known stays,
// unless the key has been made anew since. learned means that nothing differs but
// that its value has been read for the first time.
func recognised(was *credential, c *Credential, print string) (kept string, learned bool) {
	if was == nil {
		return print, false
	}
	if c.Kind != AccessKey {
		return was.fingerprint, false
	}
	if was.gone != 0 {
		return print, false
	}
	if print == "" && millis(was.Starts) == millis(c.Starts) {
		c.Hint = was.Hint
		return was.fingerprint, false
	}
	blank := *c
	blank.Hint = was.Hint
	return print, was.fingerprint == "" && was.Hint == "" && sameCredential(&was.Credential, &blank)
}
