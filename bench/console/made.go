package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"
	"time"

	"rekey.example/rekey/internal/inventory"
)

// made is a directory of applications with two credentials each: every tenth names who
// uses it, every twentieth has no owner, and the ends are spread over two years.
type made struct {
	credentials int
	now         time.Time
}

func (m *made) Name() string { return string(inventory.InApplications) }

func (m *made) Full(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) {
		const size = 999
		apps := m.credentials / 2
		for at := 0; at < apps; at += size {
			p := &inventory.Page{Next: strconv.Itoa(at), Bytes: size * 1500, Mark: "mark"}
			for i := at; i < min(at+size, apps); i++ {
				p.Records = append(p.Records, inventory.Record{ObjectID: id(1, i), Raw: binary.BigEndian.AppendUint64(nil, uint64(i))})
			}
			if at+size >= apps {
				p.Next = ""
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (m *made) Delta(context.Context, string) iter.Seq2[*inventory.Page, error] {
	return func(yield func(*inventory.Page, error) bool) { yield(&inventory.Page{Mark: "mark"}, nil) }
}

func (m *made) Read(raw []byte, o *inventory.Object) error {
	i := int(binary.BigEndian.Uint64(raw))
	*o = inventory.Object{Application: inventory.Application{
		ObjectID: id(1, i), ClientID: inventory.ClientID(id(2, i)), Holder: inventory.InApplications, Enabled: true, Name: fmt.Sprintf("Application %d", i*7919%1_000_003),
	}}
	if i%20 != 0 {
		o.Owners = []inventory.Owner{{ObjectID: id(3, i%500), Kind: "user", Name: fmt.Sprintf("Person %d", i%500)}}
	}
	if i%10 == 0 {
		o.Notes = fmt.Sprintf("used by: Flow %d", i%2000)
	}
	for k := range 2 {
		n := 2*i + k
		ends := m.now.Add(-30*24*time.Hour + time.Duration(uint64(n)*2654435761%uint64(2*365*24*3600))*time.Second)
		o.Credentials = append(o.Credentials, inventory.Credential{
			KeyID: string(id(4, n)), Kind: inventory.ClientSecret, Label: "integration", Hint: "abc", Starts: ends.AddDate(-1, 0, 0), Expires: ends,
		})
	}
	return nil
}

// id is a GUID, different for each kind and number and in no order.
func id(kind, n int) inventory.ObjectID {
	x := uint64(n)*0x9e3779b97f4a7c15 + uint64(kind)
	return inventory.ObjectID(fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(x>>32), uint16(x>>16), x>>4&0xfff, uint64(n)&0xfff, uint64(n)<<8|uint64(kind)))
}
