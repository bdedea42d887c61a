package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rekey.example/rekey/internal/diagnosis"
)

// explanation is what a code means, why it comes, and what to do.
type explanation struct {
	Code    string `json:"code"`
	Meaning string `json:"meaning"`
	Cure    string `json:"cure"`
}

// explanations are the codes of the REST API's problem documents.
var explanations = map[string][2]string{
	"unauthenticated":        {"The server does not know who asks: there is no token, or it is unknown, has ended, or was revoked.", "Give a token as REKEY_TOKEN or with --token-file. An administrator makes one: rekey token create NAME --role ROLE --person WHO"},
	"forbidden":              {"The role of who asks does not permit this, or the person may not do it here: who proposes a rotation does not approve it.", "Ask somebody who may. rekey token --help tells what each role may do; rekey approve --help how a second person approves."},
	"not_found":              {"There is nothing with this id, as far as rekey knows.", "Look at the list (rekey credentials list, rekey applications list, rekey rotations list), and read the directory again: rekey sync"},
	"ambiguous":              {"More than one thing fits the name.", "Use an id instead: the key id of the credential, or the object id of the application."},
	"not_possible":           {"What is asked cannot be done to this thing, and nothing was changed.", "The message says why and what can be done instead."},
	"invalid_request":        {"A part of the request is not as it has to be.", "The message names the part. The API is described at /openapi.json of the server."},
	"conflict":               {"The rotation is not in the state for that.", "rekey rotations show ID says where it stands and what it waits for."},
	"rotation_open":          {"This credential is being renewed already.", "rekey rotations list --state open shows it. Approve, refuse or cancel that one first."},
	"changed":                {"The rotation has changed since it was shown.", "Look at it again and decide on what it is now."},
	"overtaken":              {"Another process moved the rotation on at the same moment.", "Look at it again and decide on what it is now."},
	"idempotency_conflict":   {"The Idempotency-Key was used for another request.", "Use a new key for a new request."},
	"remote_denied":          {"Rekey's own identity lacks a right in the tenant or at a vault.", "rekey doctor says which, with the command that grants it."},
	"remote_sign_in":         {"Rekey cannot sign in to the tenant as itself.", "rekey doctor looks closer: wrong or expired secret, certificate, clock, tenant id."},
	"remote_not_found":       {"The directory or the vault answered that there is no such thing.", "It may have been deleted meanwhile: rekey sync reads the directory again."},
	"remote_throttled":       {"Microsoft asks to wait. Nothing was changed.", "Try again after the time that the message names."},
	"channel_failed":         {"A channel of alerts did not take a test.", "The message says what it answered; docs/reference/alerts.md says what each channel needs."},
	"remote_failed":          {"A system of the tenant failed.", "Try again later; rekey doctor looks closer."},
	"disk_full":              {"The disk of the data folder is full. Nothing was changed, and nothing is lost.", "Make room and try again."},
	"busy":                   {"Something else is writing to the database.", "Try again in a moment."},
	"database_damaged":       {"The database file is damaged.", "Stop rekey, keep a copy of the data folder as it is, and restore the last backup."},
	"audit_tampered":         {"The audit log is not what was recorded.", "rekey audit verify says where. Keep the data folder as it is and find out who wrote to it."},
	"held":                   {"The database may be older than the world: a restore, a copy or a failover. Nothing has an effect until an administrator has accepted the difference.", "rekey reconcile show reads both and says what accepting will do; rekey reconcile accept accepts it."},
	"not_held":               {"Nothing waits to be accepted.", "Nothing has to be done."},
	"timeout":                {"The answer did not come in time.", "Try again; rekey doctor checks what can be reached."},
	"stopping":               {"The server is stopping, or the request was given up.", "Try again."},
	"internal":               {"Something went wrong that rekey has no name for: a bug.", "Report it with the request id and the server's log around it."},
	"no_route":               {"The server has no such address.", "It may be an older rekey than the client: compare rekey version with the server's."},
	"method_not_allowed":     {"The address does not take this method.", "The methods are in /openapi.json of the server."},
	"too_large":              {"The request is larger than 1 MB.", "Send less at once."},
	"cut_off":                {"The request ended before its body did.", "Send it again."},
	"unsupported_media_type": {"The body is not JSON.", "Send Content-Type: application/json."},
}

func explainCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "Tell what an error code means",
		Long: `Tells what a code means, why it comes and what to do: a code of rekey's own answers
(forbidden, remote_denied), or one of Entra's (AADSTS7000215).`,
		Example: `  rekey explain AADSTS7000215
  rekey explain rotation_open`,
		Args: takes("CODE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return slices.Sorted(maps.Keys(explanations)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			e, ok := explained(args[0])
			if !ok {
				return failure(exitNotFound, "no code %q is known", args[0]).next("known are: " + strings.Join(slices.Sorted(maps.Keys(explanations)), ", ") + ", and AADSTS followed by a number")
			}
			return s.tell(e, func(p *sheet) {
				p.fact("Code", "%s", e.Code)
				p.fact("Meaning", "%s", e.Meaning)
				p.fact("What to do", "%s", e.Cure)
			})
		},
	}
}

func explained(code string) (explanation, bool) {
	name := strings.TrimPrefix(strings.ToLower(code), "urn:rekey:problem:")
	if e, ok := explanations[name]; ok {
		return explanation{name, e[0], e[1]}, true
	}
	if c, ok := diagnosis.Explain(code); ok {
		return explanation{strings.ToUpper(code), c.Meaning, c.Cure}, true
	}
	return explanation{}, false
}
