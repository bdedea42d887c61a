package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"rekey.example/rekey/client"
	"rekey.example/rekey/internal/access"
)

var (
	errNoPage = errors.New("there is no such page")
	errDate   = errors.New("a date is not of the form 2026-12-31")
	errForm   = errors.New("the form is too long or damaged")
)

// failure is the page that says why there is no other.
type failure struct {
	What, Do  Text
	Code, ID  string
	Try, Home Link
}

// fail turns an error into the page, or the way, that fits it.
func (c *Console) fail(w http.ResponseWriter, v *visit, err error) {
	if v.Context().Err() != nil {
		return // nobody waits for it any more
	}
	e, told := errors.AsType[*client.Error](err)
	switch {
	case told && e.Code == "step_up_required":
		http.Redirect(w, v.Request, stepUp+"?return="+url.QueryEscape(back(v.Request)), http.StatusSeeOther)
		return
	case told && e.Status == http.StatusUnauthorized:
		c.toSignIn(w, v.Request)
		return
	}
	title, f, status := explain(err, e)
	if status >= 500 {
		c.config.Logger.Warn("a page failed", "status", status, "error", err.Error())
	}
	f.Home = Link{Text: plain("Home"), Href: "/"}
	if status >= 500 && v.Method == http.MethodGet {
		f.Try = Link{Text: plain("Try again"), Href: v.URL.RequestURI(), Tone: "primary"}
	}
	if err := c.show(w, v, "failed", Page{Title: title, Status: status, Body: f}); err != nil {
		c.config.Logger.Error("the page for failures failed", "error", err.Error())
		http.Error(w, "something went wrong", http.StatusInternalServerError)
	}
}

func explain(err error, e *client.Error) (title string, f failure, status int) {
	if e != nil {
		f = failure{What: words(e.Error()), Do: words(e.Hint), Code: e.Code, ID: e.RequestID}
		switch {
		case e.Status == http.StatusNotFound:
			return "Not found", f, e.Status
		case e.Status == http.StatusForbidden:
			return "Not allowed", f, e.Status
		case e.Status == http.StatusConflict, e.Status == http.StatusPreconditionFailed:
			return "It has changed meanwhile", f, e.Status
		case e.Status < 500:
			return "Not possible", f, e.Status
		}
		return "This did not work", f, e.Status
	}
	if denied, ok := errors.AsType[*access.DeniedError](err); ok {
		return "Not allowed", failure{What: words(denied.Error()), Do: plain("An administrator can give you another role."), Code: "denied"}, http.StatusForbidden
	}
	switch {
	case errors.Is(err, errNoPage):
		return "Not found", failure{What: plain("There is no page at this address."), Do: plain("It may be mistyped, or what it showed is no longer there."), Code: "no_page"}, http.StatusNotFound
	case errors.Is(err, errDate):
		return "Not possible", failure{What: words("In the address, " + err.Error() + "."), Do: plain("Correct it, or begin without a filter."), Code: "invalid_request"}, http.StatusBadRequest
	case errors.Is(err, errForm):
		return "Not possible", failure{What: words(err.Error()), Do: plain("Go back and send it again."), Code: "invalid_form"}, http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		return "It took too long", failure{What: plain("The server did not answer in time."), Do: plain("Try again in a moment."), Code: "timeout"}, http.StatusGatewayTimeout
	}
	return "This did not work", failure{What: plain("rekey could not answer. It may be starting or stopping."), Do: plain("Try again in a moment. If it stays like this, look into the server's log."), Code: "unavailable"}, http.StatusServiceUnavailable
}
