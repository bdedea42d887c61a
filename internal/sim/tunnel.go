package sim

import (
	"bufio"
	"net"
	"sync"
)

// tunnel is a connection that a client opened through the proxy. What the client
// sent before it had the proxy's answer is read first.
type tunnel struct {
	net.Conn
	host  string
	early *bufio.Reader
}

func (t *tunnel) Read(p []byte) (int, error) {
	if t.early != nil && t.early.Buffered() > 0 {
		return t.early.Read(p[:min(len(p), t.early.Buffered())])
	}
	t.early = nil
	return t.Conn.Read(p)
}

// tunnels is a listener whose connections are those that came through the proxy.
type tunnels struct {
	addr   net.Addr
	conns  chan net.Conn
	done   chan struct{}
	closed sync.Once
}

func newTunnels(addr net.Addr) *tunnels {
	return &tunnels{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (t *tunnels) push(conn net.Conn) {
	select {
	case t.conns <- conn:
	case <-t.done:
		conn.Close()
	}
}

func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

func (t *tunnels) Close() error {
	t.closed.Do(func() { close(t.done) })
	return nil
}

func (t *tunnels) Addr() net.Addr { return t.addr }
