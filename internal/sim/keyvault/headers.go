package keyvault

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
)

// headers are those of every answer.
func (c *call) headers(h http.Header) {
	if c.seen != nil {
		h.Set("x-ms-keyvault-region", c.seen.Location)
	}
	h.Set("x-ms-keyvault-service-version", "1.9.2300.1")
	h.Set("x-ms-keyvault-network-info", "conn_type=Ipv4;addr="+c.client()+";act_addr_fam=InterNetwork;")
	h.Set("x-ms-request-id", requestID())
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000;includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	if c.role != "" {
		h.Set("x-ms-keyvault-rbac-assignment-id", c.role)
		h.Set("x-ms-keyvault-rbac-cache", "ra_age=0;da_age=0;rd_age=0;brd_age=0;ra_notif_age=0;dec_lev=0;")
	}
	if id := c.r.Header.Get("x-ms-client-request-id"); id != "" && c.r.Header.Get("x-ms-return-client-request-id") == "true" {
		h.Set("x-ms-client-request-id", id)
	}
}

// client is the address the request seems to come from.
func (c *call) client() string {
	if host, _, err := net.SplitHostPort(c.r.RemoteAddr); err == nil {
		return host
	}
	return "203.0.113.10"
}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
