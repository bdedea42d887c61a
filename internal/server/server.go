// Package server puts the REST API on the network.
//
// Around the API it adds what every answer needs: limits of time and size, a
// bound on how much runs at once, headers that give a browser no room, refusal
// of requests that a foreign web page sent, an access log without values. It
// listens on loopback unless told otherwise, and beyond that only with TLS.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"rekey.example/rekey/internal/alert/calendar"
	"rekey.example/rekey/internal/delivery"
	"rekey.example/rekey/internal/server/signin"
	"rekey.example/rekey/internal/telemetry"
)

// Config says where to listen and what to serve.
type Config struct {
	Listen   string // host:port
	CertFile string // PEM; with KeyFile it is HTTPS
	KeyFile  string
	Insecure bool // plain HTTP beyond loopback, because something in front speaks TLS

	Version string
	API     http.Handler               // everything under /v1/
	Console http.Handler               // the pages for people; nil: there are none
	Desk    *delivery.Desk             // what the pages under /handover/ hand over; nil: there are none
	Slack   http.Handler               // buttons pressed in Slack; nil: there are none
	Feeds   *calendar.Desk             // calendars under /calendar/; nil: there are none
	Metrics http.Handler               // what stands under /metrics; nil: nothing
	Trace   *telemetry.Tracer          // nil: none
	Observe Observer                   // hears of each request that was answered; may be nil
	Hooks   *Hooks                     // what the clouds send notifications to; nil: nothing
	Gate    *signin.Gate               // where people sign in; nil: they cannot
	Checks  []Check                    // what must hold for the server to be ready
	Held    func() string              // why nothing may be changed now, empty if it may; nil: it always may
	Logger  *slog.Logger               // nil: none
	Opened  func(address string) error // called with the URL once it listens
	Closing func()                     // called before the last requests are waited for: those that wait shall end
}

// Observer hears of a request: its route is a pattern, never an address.
type Observer func(method, route string, status int, took time.Duration)

// Check is one thing that must hold for the server to be ready.
type Check struct {
	Name string
	Do   func(context.Context) error
}

// ErrPlain means that requests and tokens would cross the network unencrypted.
var ErrPlain = errors.New("refused to listen beyond this machine without TLS; give a certificate and its key (--tls-cert, --tls-key), or say --insecure if a proxy in front speaks TLS")

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 90 * time.Second // above the longest wait of a watch; an export extends its own
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 10 * time.Second
)

// Run serves until ctx is done, then lets what runs finish.
func Run(ctx context.Context, c Config) error {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	listener, scheme, err := listen(c)
	if err != nil {
		return err
	}
	defer listener.Close()
	if c.Opened != nil {
		if err := c.Opened(scheme + "://" + listener.Addr().String()); err != nil {
			return err
		}
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s := &http.Server{
		Handler: Handler(c), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return running },
		ErrorLog:    slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listener) }() // ends with Shutdown or Close below
	select {
	case err := <-failed:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	if c.Closing != nil {
		c.Closing()
	}
	limit, cancel := context.WithTimeout(running, drainTimeout)
	defer cancel()
	if err := s.Shutdown(limit); err != nil {
		stop() // those that still wait
		s.Close()
	}
	<-failed
	return nil
}

func listen(c Config) (net.Listener, string, error) {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("cannot listen on %q: write host:port, such as 127.0.0.1:8417", c.Listen)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, "", errors.New("cannot use TLS: a certificate and its key belong together, and one is missing")
	}
	if c.CertFile == "" && !c.Insecure && !loopback(host) {
		return nil, "", fmt.Errorf("cannot listen on %s: %w", c.Listen, ErrPlain)
	}
	var config *tls.Config
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, "", fmt.Errorf("cannot use TLS: %w", err)
		}
		config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("cannot listen on %s: %w", c.Listen, err)
	}
	if config != nil {
		return tls.NewListener(listener, config), "https", nil
	}
	return listener, "http", nil
}

// loopback reports whether a host can only be reached from this machine. A name
// other than localhost may be resolved to anything, so it does not count.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
