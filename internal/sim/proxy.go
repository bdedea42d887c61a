package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// What the server takes from a client. Nothing the clouds' real clients send
// comes near any of these.
const (
	maxBody        = 8 << 20
	maxHeader      = 64 << 10
	maxConnections = 2048
	headerTime     = 10 * time.Second
	requestTime    = time.Minute
	idleTime       = 2 * time.Minute
)

// Server is the listening front door.
type Server struct {
	cloud    *Cloud
	ca       *authority
	listener net.Listener
	outer    *http.Server // the proxy and the plain requests
	inner    *http.Server // what comes out of the tunnels
	tunnels  *tunnels
	running  sync.WaitGroup
	release  func() bool // takes back what is bound to the context
	closed   sync.Once
	quiet    context.CancelFunc // ends the deliveries
}

// Listen opens the front door on an address such as "127.0.0.1:8443" until ctx
// ends or Close is called. It is an HTTP proxy that takes CONNECT and ends TLS
// itself with certificates of its own CA, speaking HTTP/1.1 and HTTP/2. A
// request to the port itself is a plain one: the first element of its path
// names the host, as in /graph.microsoft.com/v1.0/applications, or the
// simulator's own pages below /_sim/.
func (c *Cloud) Listen(ctx context.Context, addr string) (*Server, error) {
	if err := c.mayListen(addr); err != nil {
		return nil, err
	}
	ca, err := openAuthority(c.config.CADir)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	s := &Server{cloud: c, ca: ca, listener: listener, tunnels: newTunnels(listener.Addr())}
	s.outer = limited(http.HandlerFunc(s.plain(adminPages(s))))
	s.inner = limited(http.HandlerFunc(s.tunnelled))
	s.inner.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certificate}

	s.running.Go(func() { s.outer.Serve(netutil.LimitListener(listener, maxConnections)) })
	s.running.Go(func() { s.inner.ServeTLS(s.tunnels, "", "") })
	delivering, quiet := context.WithCancel(ctx)
	s.quiet = quiet
	s.running.Go(func() { c.deliveries(delivering) })
	s.release = context.AfterFunc(ctx, s.shut)
	return s, nil
}

// mayListen refuses addresses that others can reach: whoever reaches the port
// can read and change everything the pretended tenant holds.
func (c *Cloud) mayListen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %q: %w", addr, err)
	}
	ip, err := netip.ParseAddr(host)
	if c.config.Anywhere || host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("cannot listen on %q: it is not a loopback address, and listening anywhere was not asked for", addr)
}

func limited(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0), // cut handshakes and connections are our daily work
	}
}

// URL is the address of the proxy, and of the plain requests.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// CACertPEM is the certificate that clients have to trust.
func (s *Server) CACertPEM() []byte { return s.ca.pem }

// WriteCA writes that certificate to a file.
func (s *Server) WriteCA(path string) error {
	if err := os.WriteFile(path, s.ca.pem, 0o644); err != nil {
		return fmt.Errorf("cannot write CA: %w", err)
	}
	return nil
}

// Close cuts every connection and waits until nothing runs any more.
func (s *Server) Close() error {
	s.release()
	s.shut()
	s.running.Wait()
	return nil
}

func (s *Server) shut() {
	s.closed.Do(func() {
		s.quiet()
		s.tunnels.Close()
		s.outer.Close()
		s.inner.Close()
		s.cloud.Close()
	})
}

// plain answers what comes to the port itself.
func (s *Server) plain(admin http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			s.connect(w, r)
		case r.URL.IsAbs():
			http.Error(w, "The clouds speak https only: use CONNECT.", http.StatusForbidden)
		case r.URL.Path == "/":
			http.Redirect(w, r, "/_sim/", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/_sim/"):
			admin.ServeHTTP(w, r)
		default:
			s.answer(w, hostFromPath(r))
		}
	}
}

// hostFromPath turns /graph.microsoft.com/v1.0/me into a request for /v1.0/me
// at graph.microsoft.com.
func hostFromPath(r *http.Request) *http.Request {
	r2 := r.Clone(r.Context())
	host, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	r2.Host, r2.URL.Path = host, "/"+rest
	if r.URL.RawPath != "" {
		_, raw, _ := strings.Cut(strings.TrimPrefix(r.URL.RawPath, "/"), "/")
		r2.URL.RawPath = "/" + raw
	}
	r2.RequestURI = r2.URL.RequestURI()
	return r2
}

// tunnelled answers what comes out of a tunnel.
func (s *Server) tunnelled(w http.ResponseWriter, r *http.Request) { s.answer(w, r) }

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	began, counted := time.Now(), &statusWriter{ResponseWriter: w}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			http.Error(w, "The request is too large.", http.StatusRequestEntityTooLarge)
			return
		}
		panic(http.ErrAbortHandler) // the client is gone
	}
	fault, err := s.cloud.serve(counted, r, body)
	s.cloud.tell(r, counted.status, fault, began, err)
	switch {
	case err == nil:
	case errors.Is(err, errNoHost):
		http.Error(w, noHostText(r.Host), http.StatusBadGateway)
	case errors.Is(err, errTruncated):
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	default:
		panic(http.ErrAbortHandler)
	}
}

func noHostText(host string) string {
	return fmt.Sprintf("no such host: %q is not one of the pretended clouds, or it is a vault or topic that does not exist (GET /_sim/ lists them)", bareHost(host))
}

// connect opens a tunnel to one of the clouds.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	host := bareHost(r.Host)
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil || port != "443" {
		http.Error(w, "The clouds listen on port 443 only.", http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT needs HTTP/1.1.", http.StatusHTTPVersionNotSupported)
		return
	}
	conn.SetDeadline(time.Now().Add(headerTime))
	if _, err := s.cloud.system(host); err != nil {
		// Clients show the reason of a refused CONNECT and drop its body.
		text := noHostText(host)
		fmt.Fprintf(conn, "HTTP/1.1 502 no such host: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", host, len(text), text)
		conn.Close()
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	conn.SetDeadline(time.Time{})
	s.tunnels.push(&tunnel{Conn: conn, host: host, early: buffered.Reader})
}

// certificate makes the certificate a client asks for, or that of the host the
// tunnel was opened to when the client names none.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := bareHost(hello.ServerName)
	if t, ok := hello.Conn.(*tunnel); ok && host == "" {
		host = t.host
	}
	if _, err := s.cloud.system(host); err != nil {
		return nil, err // so that strangers cannot fill the memory with certificates
	}
	return s.ca.leaf(host)
}

// statusWriter remembers the status for whoever watches.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
