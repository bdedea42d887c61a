package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rekey.example/rekey/api"
	"rekey.example/rekey/client"
)

func approveCommand(s *session) *cobra.Command {
	var hash string
	var yes bool
	c := &cobra.Command{
		Use:   "approve ID",
		Short: "Approve a rotation that somebody else proposed",
		Long: `Approves exactly the plan that the rotation has: the approval binds its hash, is used
once and ends after rotation.patience. Who proposed does not approve.

In a terminal the plan is shown first and you are asked. With --hash the approval only
holds for the plan with that hash, as rekey rotations show printed it.

A second person approves with an API token of their own (REKEY_TOKEN, --token-file), or
as another user of this machine.`,
		Example: `  rekey approve r-4k2v7q3m5x6a
  rekey approve r-4k2v7q3m5x6a --hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  rekey approve r-4k2v7q3m5x6a --token-file anna.token`,
		Args: takes("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			r, err := server.Rotation(c.Context(), args[0])
			if err != nil {
				return err
			}
			if hash == "" {
				if !yes && s.asks() && !s.agrees(r) {
					return failure(exitFailure, "not approved").next("rekey refuse " + r.ID + " --reason ... ends the proposal")
				}
				hash = r.Hash
			}
			approved, err := server.Approve(c.Context(), r.ID, hash)
			if err != nil {
				return s.secondPerson(r, err)
			}
			s.say("%s is approved. rekey serve carries it on; rekey rotations watch %s follows it.", r.ID, r.ID)
			return s.show(approved, rotationTable([]api.Rotation{approved}))
		},
	}
	f := c.Flags()
	f.StringVar(&hash, "hash", "", "approve only the plan with this `HASH`")
	f.BoolVar(&yes, "yes", false, "do not ask in a terminal")
	return c
}

// asks reports whether there is a person to ask.
func (s *session) asks() bool {
	f, ok := s.in.(*os.File)
	return ok && s.watched && term.IsTerminal(int(f.Fd()))
}

func (s *session) agrees(r api.Rotation) bool {
	p := &sheet{w: s.err, s: s, now: r.Asked}
	tellRotation(p, r)
	p.flush()
	fmt.Fprint(s.err, "\nApprove this plan? Type yes: ")
	line, _ := bufio.NewReader(s.in).ReadString('\n') // no answer is no
	return strings.EqualFold(strings.TrimSpace(line), "yes")
}

// secondPerson tells who proposed what to do now: it is the answer most often
// met, and the way on is not obvious.
func (s *session) secondPerson(r api.Rotation, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusForbidden {
		return err
	}
	folder := ""
	if s.flags.data != "" {
		folder = " --data " + s.flags.data
	}
	return failure(exitDenied, "%v", err).next(fmt.Sprintf(`%s was proposed by %s. Another administrator approves it, in one of these ways:
  with a token of their own:                     REKEY_TOKEN=... rekey approve %s%s
  as another user who may open the data folder:  rekey approve %s%s
  from elsewhere, if rekey serve runs:           rekey --server URL --token-file FILE approve %s
An administrator gets a token with: rekey token create NAME --role administrator --person WHO`, r.ID, r.By.Name, r.ID, folder, r.ID, folder, r.ID))
}
