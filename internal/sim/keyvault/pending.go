package keyvault

import (
	"fmt"
	"net/http"
	"strings"

	"rekey.example/rekey/internal/sim/world"
)

// pendingBundle is the operation that makes a certificate.
type pendingBundle struct {
	ID     string `json:"id"`
	Issuer struct {
		Name string `json:"name"`
	} `json:"issuer"`
	CSR       []byte `json:"csr"`
	Cancel    bool   `json:"cancellation_requested"`
	Status    string `json:"status"`
	Details   string `json:"status_details,omitempty"`
	Target    string `json:"target,omitempty"`
	RequestID string `json:"request_id"`
}

func (c *call) pendingBundle(s *world.Certificate) *pendingBundle {
	op := s.Pending
	b := &pendingBundle{
		ID: c.base() + "/certificates/" + s.Name + "/pending", CSR: op.CSR, Cancel: op.Canceled, RequestID: op.RequestID,
		Status:  "inProgress",
		Details: "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer provider. Please check again later.",
	}
	b.Issuer.Name = op.Issuer
	switch {
	case op.Done:
		b.Status, b.Details, b.Target = "completed", "", c.base()+"/certificates/"+s.Name
	case op.Canceled:
		b.Status, b.Details = "canceled", "Certificate creation was canceled."
	case op.Issuer == "Unknown":
		b.Details = "Pending certificate created. Please Perform Merge to complete the request."
	}
	return b
}

// createCertificate starts the making of a version. Keys are made before the
// world is locked, since they take long.
func (c *call) createCertificate(name string) (*answer, error) {
	var body struct {
		Policy     map[string]any    `json:"policy"`
		Attributes *wanted           `json:"attributes"`
		Tags       map[string]string `json:"tags"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if body.Policy == nil {
		return nil, badParameter("Property policy is required.")
	}
	if err := checkSaid("", body.Attributes, body.Tags); err != nil {
		return nil, err
	}
	if c.strikes(world.SoftDeleted) {
		return nil, c.certificates().deletedButRecoverable(name)
	}
	var err error
	c.w.Change(func() { err = c.creatable(name) })
	if err != nil {
		return nil, err
	}
	op, err := newOperation(body.Policy)
	if err != nil {
		return nil, err
	}
	if op.Made != nil {
		op.Made.Tags = body.Tags
		op.Made.Enabled = body.Attributes.enabled(true)
	}
	var b *pendingBundle
	c.w.Change(func() {
		if err = c.creatable(name); err != nil {
			return
		}
		key := strings.ToLower(name)
		s := c.seen.Certificates[key]
		if s == nil {
			s = &world.Certificate{Name: name}
			c.seen.Certificates[key] = s
		}
		op.RequestID, op.Started = strings.ReplaceAll(c.w.GUID(), "-", ""), now()
		s.Pending, s.Policy = op, body.Policy
		c.record("createCertificate", s.Name, op.RequestID)
		b = c.pendingBundle(s)
	})
	if err != nil {
		return nil, err
	}
	return &answer{
		status: http.StatusAccepted, body: b,
		location: fmt.Sprintf("%s?api-version=%s&request_id=%s", b.ID, c.r.URL.Query().Get("api-version"), b.RequestID),
	}, nil
}

func newOperation(raw map[string]any) (*world.CertificateOperation, error) {
	p, err := readPolicy(raw)
	if err != nil {
		return nil, err
	}
	if p.Issuer.Name != "Self" && p.Issuer.Name != "Unknown" {
		return nil, &failure{status: http.StatusNotFound, code: "CertificateIssuerNotFound", message: "Issuer not found: " + p.Issuer.Name}
	}
	key, err := newKey(p.Key.Type, p.Key.Size, p.Key.Curve)
	if err != nil {
		return nil, err
	}
	op := &world.CertificateOperation{Issuer: p.Issuer.Name, Key: key}
	if op.CSR, err = p.request(key); err != nil {
		return nil, err
	}
	if p.Issuer.Name == "Self" {
		op.Made, err = p.selfSign(key)
	}
	return op, err
}

// creatable refuses a name that is taken: by a deleted certificate, by a secret
// or a key of its own, or by an operation that is not finished.
func (c *call) creatable(name string) error {
	if err := c.certificates().writable(name); err != nil {
		return err
	}
	if err := c.secrets().writable(name); err != nil {
		return err
	}
	if err := c.keys().writable(name); err != nil {
		return err
	}
	key := strings.ToLower(name)
	if s := c.seen.Secrets[key]; s != nil && !s.Managed {
		return conflict("", "A secret with (name/id) "+name+" already exists and is not managed by a certificate.")
	}
	if k := c.seen.Keys[key]; k != nil && !k.Managed {
		return conflict("", "A key with (name/id) "+name+" already exists and is not managed by a certificate.")
	}
	if s := c.seen.Certificates[key]; s != nil && s.Pending != nil && !s.Pending.Done && !s.Pending.Canceled {
		return conflict("", "There is already a certificate operation in progress for certificate "+name+".")
	}
	return nil
}

// settle finishes the self-signed certificates whose time has come.
func (c *call) settle() error {
	due := func(s *world.Certificate) bool {
		op := s.Pending
		return op != nil && !op.Done && !op.Canceled && op.Made != nil && !now().Before(op.Started.Add(c.w.Lag.Vault))
	}
	waiting := false
	c.w.Read(func() {
		for _, s := range c.seen.Certificates {
			waiting = waiting || due(s)
		}
	})
	if !waiting {
		return nil
	}
	var err error
	c.w.Change(func() {
		for _, s := range c.seen.Certificates {
			if due(s) && err == nil {
				err = c.finish(s, s.Pending.Made)
			}
		}
	})
	return err
}

// finish adds what an operation has made. The caller holds Change.
func (c *call) finish(s *world.Certificate, made *world.CertificateVersion) error {
	made.ID, made.Created, made.Updated = c.newID(), now(), now()
	s.Pending.Done, s.Pending.Key = true, nil
	return c.w.Azure.PutCertificate(c.vault, s.Name, made)
}

func (c *call) pending(name string) (*world.Certificate, error) {
	s, err := c.certificates().find(name)
	if err != nil || s.Pending == nil {
		return nil, &failure{status: http.StatusNotFound, code: "PendingCertificateNotFound", message: "Pending certificate not found: " + name}
	}
	return s, nil
}

func (c *call) getPending(name string) (a *answer, err error) {
	c.w.Read(func() {
		var s *world.Certificate
		if s, err = c.pending(name); err == nil {
			a = ok(c.pendingBundle(s))
		}
	})
	return a, err
}

func (c *call) cancelPending(name string) (*answer, error) {
	var body struct {
		Cancel bool `json:"cancellation_requested"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	var a *answer
	var err error
	c.w.Change(func() {
		var s *world.Certificate
		if s, err = c.pending(name); err != nil {
			return
		}
		if !s.Pending.Done {
			s.Pending.Canceled = body.Cancel
		}
		a = ok(c.pendingBundle(s))
	})
	return a, err
}

func (c *call) removePending(name string) (a *answer, err error) {
	c.w.Change(func() {
		var s *world.Certificate
		if s, err = c.pending(name); err != nil {
			return
		}
		a = ok(c.pendingBundle(s))
		s.Pending = nil
		if len(s.Versions) == 0 {
			delete(c.seen.Certificates, strings.ToLower(name))
		}
	})
	return a, err
}
