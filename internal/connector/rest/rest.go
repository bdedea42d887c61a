// Package rest speaks JSON over HTTP to the systems around rekey.
//
// Reads are repeated while that can help, as long as the server asks for it and
// the context allows. What must be sent once goes through Once, which never
// repeats anything and says in its error whether the request may have been
// applied. Answers are bounded in size, redirects are not followed, and a link
// in an answer is only believed if it stays on the host it came from. Errors
// carry the server's code and sentence, never a body, a token or a query.
package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Config says where to and as whom.
type Config struct {
	Base       string                 // https://graph.microsoft.com; the only host that is spoken to
	Transport  http.RoundTripper      // from azure.Transport, or a simulator's
	Credential azcore.TokenCredential // nil: requests carry no token
	Scope      string                 // of the tokens: https://graph.microsoft.com/.default
	Largest    int64                  // bytes of one answer; 0 means 64 MB
	Tries      int                    // of a read; 0 means 6

	// Before is called ahead of every try of a read and may wait; After sees
	// every answer to one. A rate keeper lives in them.
	Before func(context.Context, *http.Request) error
	After  func(*http.Response)

	// BeforeWrite is called ahead of what Once sends and may wait; its error means
	// that nothing was sent. AfterWrite sees the answer.
	BeforeWrite func(context.Context, *http.Request) error
	AfterWrite  func(*http.Response)
}

// Client sends requests to one host.
type Client struct {
	Config
	base   *url.URL
	reads  *http.Client
	writes *http.Client // a fresh connection for each request
}

// New returns a client for c.
func New(c Config) (*Client, error) {
	base, err := url.Parse(c.Base)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("%q is not the address of a service; write https://host", c.Base)
	}
	if c.Transport == nil {
		return nil, errors.New("rest: no transport was given")
	}
	if c.Largest == 0 {
		c.Largest = 64 << 20
	}
	if c.Tries == 0 {
		c.Tries = 6
	}
	once := c.Transport
	if t, ok := once.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		once = t
	}
	return &Client{Config: c, base: base, reads: plain(c.Transport), writes: plain(once)}, nil
}

// plain is an http.Client that returns redirects instead of following them: a
// redirected request would take the token to wherever the answer says.
func plain(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Get reads one JSON document into v. The path begins with a slash and may have
// a query, or is a link that the server gave.
func (c *Client) Get(ctx context.Context, path string, v any) error {
	return c.read(ctx, path, nil, func(a Answer) error {
		if err := json.Unmarshal(a.Body, v); err != nil {
			return ErrTruncated // the decoder's own error can quote the document
		}
		return nil
	})
}

// Answer is a whole answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Read reads one answer of any type, reusing the memory of into. Peek, if not
// nil, sees the first bytes as soon as they are there; it can be called once for
// every try.
func (c *Client) Read(ctx context.Context, path string, into []byte, peek func([]byte)) (Answer, error) {
	var answer Answer
	err := c.read(ctx, path, &reading{into: into, peek: peek}, func(a Answer) error {
		answer = a
		return nil
	})
	return answer, err
}

// Belongs returns ErrForeignLink unless a link of an answer stays on the host.
// Whoever keeps a link for later asks before.
func (c *Client) Belongs(link string) error {
	_, err := c.target(link)
	return err
}

// target is where a path or a link of the server leads. Links to another host
// are refused: they would take our token there.
func (c *Client) target(path string) (string, error) {
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		return c.base.Scheme + "://" + c.base.Host + path, nil
	}
	u, err := url.Parse(path)
	if err != nil {
		return "", fmt.Errorf("%w: it cannot be read", ErrForeignLink)
	}
	if u.Scheme != c.base.Scheme || address(u) != address(c.base) || u.User != nil {
		return "", fmt.Errorf("%w: to %q, not %q", ErrForeignLink, clean(u.Host, 100), c.base.Host)
	}
	return path, nil
}

// address is host and port in one spelling; Key Vault writes ":443" into its links.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// authorize adds a token. The claims are those of a challenge, usually none.
func (c *Client) authorize(ctx context.Context, r *http.Request, claims string) error {
	if c.Credential == nil {
		return nil
	}
	token, err := c.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.Scope}, Claims: claims, EnableCAE: claims != ""})
	if err != nil {
		return fmt.Errorf("cannot get an access token for %s: %w", c.base.Host, err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	return nil
}

func (c *Client) headers(r *http.Request) {
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "rekey")
}
