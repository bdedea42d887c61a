package sim

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

// An old secret is really in use after a switch, for as long as a consumer's cache
// has it, and the sign-in log tells whose it was.
func TestConsumerKeepsItsCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{World: world.Config{Seed: 3}})
		if err != nil {
			t.Fatal(err)
		}
		demo := c.Tenant().Demo
		cached := c.Start(Consumer{ClientID: demo.ClientID, Vault: demo.Vault, Secret: demo.Secret, Refresh: 24 * time.Hour, Every: time.Hour, Address: "203.0.113.7"})
		direct := c.Start(Consumer{ClientID: demo.ClientID, Vault: demo.Vault, Secret: demo.Secret, Every: time.Hour})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{}, 2)
		for _, p := range []*Program{cached, direct} {
			go func() { p.Run(ctx); done <- struct{}{} }()
		}
		time.Sleep(90 * time.Minute)
		switched := time.Now()
		c.World().Change(func() {
			a := c.World().Directory.ApplicationByClient(demo.ClientID)
			a.Passwords = append(a.Passwords, &world.Password{KeyID: "new", Text: "new value", Starts: switched, Ends: switched.AddDate(1, 0, 0)})
			s := c.World().Azure.Vaults[demo.Vault].Secrets[demo.Secret]
			s.Versions = append(s.Versions, &world.SecretVersion{ID: strings.Repeat("a", 32), Value: "new value", Enabled: true, Created: switched})
		})
		time.Sleep(48 * time.Hour)
		stop()
		<-done
		<-done

		old, last := 0, time.Time{}
		c.World().Read(func() {
			for _, s := range c.World().Directory.SignIns {
				if s.Code != 0 {
					t.Errorf("refused: %+v", s)
				}
				if s.Time.After(switched) && s.KeyID == demo.KeyID {
					old, last = old+1, s.Time
					if s.IP != "203.0.113.7" {
						t.Errorf("the old secret was used from %s", s.IP)
					}
				}
			}
		})
		if old != 22 || last.Sub(switched) > 24*time.Hour { // at 1:30 read, so hours 2 to 23
			t.Errorf("the old secret was used %d times after the switch, the last time after %s", old, last.Sub(switched))
		}
		if tried, refused, _, _ := cached.Tally(); tried != 50 || refused != 0 {
			t.Errorf("%d sign-ins, %d refused", tried, refused)
		}
	})
}

// A program that never reads again is cut off when its secret goes.
func TestConsumerThatNeverLooksAgainIsCutOff(t *testing.T) {
	c, err := New(Config{World: world.Config{Seed: 3}})
	if err != nil {
		t.Fatal(err)
	}
	demo := c.Tenant().Demo
	p := c.Start(Consumer{ClientID: demo.ClientID, Vault: demo.Vault, Secret: demo.Secret, Refresh: -1})
	if err := p.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.World().Change(func() {
		c.World().Directory.ApplicationByClient(demo.ClientID).Passwords = nil
	})
	err = p.SignIn(t.Context())
	if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("got %v", err)
	}
	if tried, refused, _, _ := p.Tally(); tried != 2 || refused != 1 {
		t.Errorf("%d sign-ins, %d refused", tried, refused)
	}
}
