package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/secret"
)

// inside are addresses that no request may reach: this machine, private
// networks, the metadata services of the clouds, and what is no host at all.
var inside = []string{
	"127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.9.9", "192.168.0.1", "192.168.178.20",
	"100.64.0.1", "100.127.255.1", "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.1", "239.255.255.250",
	"255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9",
}

var inside6 = []string{
	"::1", "0::0", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "fd20:ce::254", "ff02::1", "2001:db8::1", "2001::1", "100::1",
	"64:ff9b:1::7f00:1", "3fff::1", "4000::1", "5f00::1",
}

// spellings writes an IPv4 address in every way that some program understands.
func spellings(ip string) []string {
	a := netip.MustParseAddr(ip).As4()
	n := binary.BigEndian.Uint32(a[:])
	hi, lo := n>>16, n&0xffff
	return []string{
		ip, ip + ".", fmt.Sprint(n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0%o", n),
		fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", a[0], a[1], a[2], a[3]), fmt.Sprintf("0%o.0%o.0%o.0%o", a[0], a[1], a[2], a[3]),
		fmt.Sprintf("%d.%d", a[0], n&0xffffff), fmt.Sprintf("%d.%d.%d", a[0], a[1], lo),
		"[::ffff:" + ip + "]", fmt.Sprintf("[::ffff:%x:%x]", hi, lo), fmt.Sprintf("[::%x:%x]", hi, lo), fmt.Sprintf("[64:ff9b::%x:%x]", hi, lo),
		fmt.Sprintf("[2002:%x:%x::1]", hi, lo), "hooks.contoso.com@" + ip, "hooks.contoso.com:x@" + ip, strings.Map(func(r rune) rune {
			if r == '.' {
				return '。'
			}
			return r - '0' + '０'
		}, ip),
		"name-of-" + strings.ReplaceAll(ip, ".", "-") + ".attacker.example", // resolved by the stub below
	}
}

// TestNothingInsideIsReached is SAFETY T25.
func TestNothingInsideIsReached(t *testing.T) {
	var targets []string
	for _, ip := range inside {
		for _, host := range spellings(ip) {
			targets = append(targets, "https://"+host+"/")
		}
	}
	for _, ip := range inside6 {
		targets = append(targets, "https://["+ip+"]/", "https://["+ip+"%25eth0]/", "https://["+ip+"]:8080/", "https://v6-"+strings.ReplaceAll(ip, ":", "-")+".attacker.example/")
	}
	targets = append(targets,
		"http://hooks.contoso.com/", "file:///etc/passwd", "gopher://10.0.0.1/", "https:/10.0.0.1/", "https:10.0.0.1", "//10.0.0.1/", "https://10.0.0.1#@hooks.contoso.com/",
		"https://hooks.contoso.com\\@10.0.0.1/", "https://10.0.0.1%2f@hooks.contoso.com/", "https://10.0.0.1%00.contoso.com/", "https://hooks.contoso.com:99999/", "https://hooks.contoso.com:/",
		"https://ⓔxample.attacker.example/", "https://[::1", "https://10.0.0.1:80:80/", "https:// 10.0.0.1/", "https://10.0.0.1\t/", "https://10.0.0.1\r\nHost: x/", "dict://localhost:11211/",
		"https://localhost.attacker.example/", "https://metadata.attacker.example/", "https://both.attacker.example/",
	)
	if len(targets) < 300 {
		t.Fatalf("the corpus has %d targets, want 300 at least", len(targets))
	}
	connections, asked := 0, 0
	for _, target := range targets {
		w, err := Open(Config{Name: "x", URL: target, Secret: secret.New(rawKey)})
		if err != nil {
			continue
		}
		asked++
		guarded(w, false, &connections)
		if err := w.Tell(t.Context(), change); !errors.Is(err, rest.ErrGuarded) {
			t.Errorf("%s: %v, want the guard's refusal", target, err)
		}
	}
	t.Logf("%d targets, %d refused in the configuration, %d at the connection, %d connections", len(targets), len(targets)-asked, asked, connections)
	if connections != 0 {
		t.Errorf("%d connections would have been made", connections)
	}
	if asked < 40 {
		t.Errorf("only %d targets came as far as the dialer; the names are not tried", asked)
	}
}

// guarded puts a stub in place of the system's resolver, and counts what the
// guard lets through in the last moment before a connection.
func guarded(w *Webhook, private bool, connections *int) {
	d := rest.Guard{Private: private}.Dialer()
	judge := d.Control
	d.Control = func(network, address string, c syscall.RawConn) error {
		if err := judge(network, address, c); err != nil {
			return err
		}
		*connections++
		return errors.New("let through")
	}
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return stub(), nil }}
	w.client.Transport.(*http.Transport).DialContext = d.DialContext
}

// TestTheGuardLetsThroughWhatIsPublic: a guard that refused all would pass the test above.
func TestTheGuardLetsThroughWhatIsPublic(t *testing.T) {
	for address, want := range map[string]int{
		"https://93.184.215.14/": 1, "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/": 1, "https://name-of-93-184-215-14.attacker.example/": 1,
	} {
		w, err := Open(Config{Name: "x", URL: address, Secret: secret.New(rawKey)})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		guarded(w, false, &got)
		if err := w.Tell(t.Context(), change); err == nil || !strings.Contains(err.Error(), "let through") || got != want {
			t.Errorf("%s: %d connections, %v", address, got, err)
		}
	}
	for address, want := range map[string]bool{
		"10.0.0.1:443": true, "127.0.0.1:443": true, "[::1]:443": true, "[fd12:3456::1]:443": true, "[::ffff:10.0.0.1]:443": true,
		"169.254.169.254:80": false, "[::ffff:169.254.169.254]:80": false, "168.63.129.16:80": false, "100.100.100.200:80": false, "[fd00:ec2::254]:80": false, "[fe80::1%eth0]:80": false, "0.0.0.0:80": false, "224.0.0.1:80": false,
	} {
		if err := (rest.Guard{Private: true}).Judge(address); (err == nil) != want {
			t.Errorf("with allowPrivate %s: %v", address, err)
		}
	}
}

// TestARedirectLeadsNowhere uses a real server that sends inside.
func TestARedirectLeadsNowhere(t *testing.T) {
	var inner atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) }))
		if err := open(t, outer.URL, nil).Tell(t.Context(), change); !errors.Is(err, rest.ErrRedirect) {
			t.Errorf("%d: %v", status, err)
		}
		outer.Close()
	}
	if inner.Load() != 0 {
		t.Errorf("%d redirects were followed", inner.Load())
	}
}

// TestASecondResolutionGainsNothing: the name leads outside when it is first
// asked for, and inside afterwards.
func TestASecondResolutionGainsNothing(t *testing.T) {
	w, err := Open(Config{Name: "x", URL: "https://rebinding.attacker.example/", Secret: secret.New(rawKey)})
	if err != nil {
		t.Fatal(err)
	}
	asked.Store(0)
	var got int
	guarded(w, false, &got)
	for range 5 {
		if err := w.Tell(t.Context(), change); err == nil {
			t.Error("it was reached")
		}
	}
	if got != 1 {
		t.Errorf("%d connections, want 1: the first, to the public address", got)
	}
}

var asked atomic.Int32 // how often an A record of rebinding was

// stub is a connection to a name server: it reads one question and answers it
// out of the name itself. https://www.rfc-editor.org/rfc/rfc1035#section-4
func stub() net.Conn {
	client, server := net.Pipe()
	go func() { // ends with the one answer, or with the client's close
		defer server.Close()
		size := make([]byte, 2)
		if _, err := server.Read(size); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(size))
		if _, err := server.Read(q); err != nil {
			return
		}
		var labels []string
		at := 12
		for q[at] != 0 {
			labels = append(labels, string(q[at+1:at+1+int(q[at])]))
			at += 1 + int(q[at])
		}
		kind := binary.BigEndian.Uint16(q[at+1:])
		a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:at+5]...)
		if ip, ok := resolve(labels[0], kind); ok {
			a[7] = 1
			a = append(a, 0xc0, 12, q[at+1], q[at+2], 0, 1, 0, 0, 0, 0, 0, byte(len(ip)))
			a = append(a, ip...)
		}
		server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)) // the client may have gone
	}()
	return client
}

func resolve(label string, kind uint16) ([]byte, bool) {
	text := ""
	switch {
	case strings.HasPrefix(label, "name-of-"):
		text = strings.ReplaceAll(strings.TrimPrefix(label, "name-of-"), "-", ".")
	case strings.HasPrefix(label, "v6-"):
		text = strings.ReplaceAll(strings.TrimPrefix(label, "v6-"), "-", ":")
	case label == "localhost", label == "both" && kind == 1:
		text = "127.0.0.1"
	case label == "both":
		text = "::1"
	case label == "metadata":
		text = "169.254.169.254"
	case label == "rebinding":
		text = "10.0.0.1"
		if kind == 1 && asked.Add(1) == 1 {
			text = "93.184.215.14"
		}
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Is4() != (kind == 1) {
		return nil, false
	}
	return ip.AsSlice(), true
}
