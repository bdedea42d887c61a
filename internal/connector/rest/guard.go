package rest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Guard keeps requests to addresses that people configure out of the network
// behind us (SAFETY C15). The zero value lets through what is public.
type Guard struct {
	Private bool // also this machine and private networks; never metadata services and what is no host
	Here    bool // only this machine: for plain HTTP

	// Allowed are ranges that are let through though they are private or on this
	// machine. Metadata services and what is no host never are.
	Allowed []netip.Prefix
}

// ErrGuarded means that an address leads where no request of ours may go.
var ErrGuarded = errors.New("the address leads into a network that requests may not go to")

// Dialer connects to what the guard lets through. The address is judged after
// the name was resolved, in the moment before the connection, so that a name
// that resolves to something else the second time gains nothing.
func (g Guard) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return g.Judge(address) }}
}

// Judge returns ErrGuarded unless an IP address with a port may be connected to.
func (g Guard) Judge(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrGuarded, Clean(address, 100))
	}
	ip := at.Addr()
	if ip.Zone() == "" {
		ip = ip.Unmap()
	}
	switch {
	case ip.Zone() != "" || within(ip, never):
	case ip.IsLoopback() || within(ip, private):
		if (g.Private || within(ip, g.Allowed)) && (!g.Here || ip.IsLoopback()) {
			return nil
		}
	case ip.Is4() && !within(ip, special), ip.Is6() && global.Contains(ip) && !within(ip, special):
		if !g.Here {
			return nil
		}
	}
	return fmt.Errorf("%w: %s", ErrGuarded, ip)
}

func within(ip netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}

var (
	// never: metadata services of the clouds, what belongs to one cable, and what
	// stands for many hosts or for none.
	never = prefixes("0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32")
	// private: https://www.rfc-editor.org/rfc/rfc1918, rfc4193 and rfc6598.
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
	// special: registered for other things than hosts of the internet, and what
	// carries an address of IPv4 inside, which may be any.
	// https://www.iana.org/assignments/iana-ipv4-special-registry
	special = prefixes("192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
	global = netip.MustParsePrefix("2000::/3") // all that IPv6 has given out to hosts
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Address reads an address that a person configured. Plain HTTP is only taken for
// this machine, and only if the guard lets it through. Its error never shows more
// than the host: path and query may be a secret of their own.
func (g Guard) Address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, errors.New("it is not an address such as https://host/path")
	}
	host := u.Hostname()
	_, notIP := netip.ParseAddr(host)
	switch {
	case u.User != nil:
		return nil, errors.New("it has a user name or a password; use the secret that requests are signed with")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("it has a fragment, which is never sent")
	case strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\\%_<>\"'", r) }):
		return nil, errors.New("its host is not written in plain letters; write the xn-- form of an international name")
	case notIP != nil && numeric(host):
		return nil, errors.New("its host is a number in a form that programs read differently; write 203.0.113.7 or a name")
	case !portOK(u.Port()) || strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("its port is not one")
	case u.Scheme == "https":
	case u.Scheme == "http" && here(host) && (g.Private || slices.ContainsFunc(g.Allowed, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })):
	default:
		return nil, errors.New("it is not https; plain http is only taken for this machine, and only with allowPrivate")
	}
	if notIP == nil {
		if err := g.Judge(net.JoinHostPort(host, "443")); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func portOK(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 1<<16
}

// here reports whether a host is written as this machine.
func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// numeric reports whether the last label of a host is a number, as 2130706433,
// 0x7f.1 and 0177.0.0.01 are: some resolvers take those for IPv4.
func numeric(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	hex, isHex := strings.CutPrefix(last, "0x")
	return strings.Trim(last, "0123456789") == "" || isHex && strings.Trim(hex, "0123456789abcdef") == ""
}

// Clean makes a foreign text fit for one line: no control characters, not longer
// than so many characters.
func Clean(s string, longest int) string { return clean(s, longest) }
