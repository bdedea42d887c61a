package audit

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// SignText signs a short text under a label with the log's key: what is handed to
// an auditor beside the log. The label keeps it from being taken for a checkpoint
// or for the end of an export. The answer is a note of several lines.
func (l *Log) SignText(label, text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: Name + "/" + label + "\n" + text + "\n"}, l.signer)
	if err != nil {
		return "", fmt.Errorf("cannot sign %s: %w", label, err)
	}
	return string(signed), nil
}

// OpenText returns the text that a log with that verifier key has signed under a
// label. Its error is ErrTampered if it did not.
func OpenText(key, label, signed string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("cannot use the verifier key %.80q: %w", key, err)
	}
	text, err := openNote(signed, verifier)
	if err != nil {
		return "", fmt.Errorf("%w: %s is not signed by the log: %w", ErrTampered, label, err)
	}
	rest, ok := strings.CutPrefix(text, Name+"/"+label+"\n")
	if !ok {
		return "", fmt.Errorf("%w: what is signed is no %s", ErrTampered, label)
	}
	if rest, ok = strings.CutSuffix(rest, "\n"); !ok {
		return "", errors.Join(ErrTampered, errors.New("the signed text has no end"))
	}
	return rest, nil
}
