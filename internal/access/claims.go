package access

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

// skew is how far two clocks may be apart (SAFETY C1).
const skew = 60 * time.Second

// hold checks what every token has to say: from whom, for whom, from when, until
// when.
func (c *claims) hold(issuer, aud string, now time.Time) error {
	switch {
	case c.Issuer != issuer:
		return badToken("it is of another issuer")
	case len(c.Audience) == 0 || !c.Audience.only(aud):
		return badToken("it is for somebody else")
	case c.Expires == 0:
		return badToken("it has no end")
	case !now.Before(c.Expires.time().Add(skew)):
		return badToken("it has expired")
	case c.Before != 0 && now.Add(skew).Before(c.Before.time()):
		return badToken("it does not hold yet")
	case c.Issued != 0 && now.Add(skew).Before(c.Issued.time()):
		return badToken("it was made in the future")
	case c.Issued != 0 && c.Expires.time().Sub(c.Issued.time()) > longestToken:
		return badToken("it lives longer than any that is taken here")
	}
	return nil
}

// longestToken is the longest life of a token from elsewhere: those of managed
// identities live a day.
const longestToken = 25 * time.Hour

// audience is an aud claim: one text, or a list.
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(data []byte) error {
	if strings.HasPrefix(string(data), "[") {
		return json.Unmarshal(data, (*[]string)(a))
	}
	*a = audience{""}
	return json.Unmarshal(data, &(*a)[0])
}

// only reports whether all of it is one text: a token for several is also for
// whoever else is named.
func (a audience) only(want string) bool {
	for _, have := range a {
		if have != want {
			return false
		}
	}
	return true
}

// seconds is a NumericDate.
type seconds float64

// UnmarshalJSON refuses what is no moment of this age.
func (s *seconds) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	if math.IsNaN(f) || f < 0 || f > 1e11 {
		return errors.New("a date of a token is no date")
	}
	*s = seconds(f)
	return nil
}

func (s seconds) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}
