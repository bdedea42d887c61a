package azure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Wire is how the clouds are reached.
type Wire struct {
	Proxy  string            // http://host:port; empty means HTTPS_PROXY and NO_PROXY
	CAFile string            // PEM, trusted beside the system's own authorities
	Round  http.RoundTripper // in place of the network, for tests
}

const (
	dialTimeout   = 15 * time.Second
	answerTimeout = 90 * time.Second // until the first byte; Graph takes its time for large pages
	tokenTimeout  = 60 * time.Second
)

// Transport returns a transport of its own, or Round. It speaks HTTP/1.1 only:
// one request at a time on a connection, so that a broken one concerns no other.
func (w Wire) Transport() (http.RoundTripper, error) {
	if w.Round != nil {
		return w.Round, nil
	}
	proxy := http.ProxyFromEnvironment
	if w.Proxy != "" {
		u, err := url.Parse(w.Proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("cannot use the proxy: its address is not of the form http://host:port") // it can hold a password
		}
		proxy = http.ProxyURL(u)
	}
	roots, err := w.roots()
	if err != nil {
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   8,
		ReadBufferSize:        64 << 10,
		Protocols:             &protocols,
	}, nil
}

func (w Wire) roots() (*x509.CertPool, error) {
	if w.CAFile == "" {
		return nil, nil // the system's
	}
	pem, err := os.ReadFile(w.CAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no certificate in PEM", w.CAFile)
	}
	return roots, nil
}
