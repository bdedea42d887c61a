package usage

import "net/netip"

// Network is the part of an address that one place has: /24, of IPv6 /48; empty
// if the text is no address. It is foreign text.
func Network(address string) string {
	net, _ := networks(address)
	return net
}

// networks are the near and the wide network of an address: the wide one, /16 and
// of IPv6 /32, is about what one operator has there.
func networks(address string) (near, wide string) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return "", ""
	}
	a = a.Unmap()
	n, w := 24, 16
	if a.Is6() {
		n, w = 48, 32
	}
	return netip.PrefixFrom(a, n).Masked().String(), netip.PrefixFrom(a, w).Masked().String()
}

// wideOf is the wide network of a near one.
func wideOf(near string) string {
	p, err := netip.ParsePrefix(near)
	if err != nil {
		return ""
	}
	_, wide := networks(p.Addr().String())
	return wide
}
