package entra

import (
	"fmt"
	"strings"
	"testing"

	"rekey.example/rekey/internal/inventory"
)

// samplePage looks like a page of Graph's.
func samplePage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#applications(id,appId)","@odata.nextLink":"https://graph.microsoft.com/v1.0/applications?$skiptoken=abc","value":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%08x-fc90-4845-976a-317b1dc57155","appId":"%08x-8103-47c3-b52c-c1014f64ac22","displayName":"D365 Basware invoice export %d","createdDateTime":"2022-05-07T06:52:43Z","signInAudience":"AzureADMyOrg","notes":null,`+
			`"keyCredentials":[],"passwordCredentials":[{"customKeyIdentifier":null,"displayName":"basware prod","endDateTime":"2026-05-07T06:52:43Z","hint":"yXo","keyId":"%08x-39aa-4f3e-9f10-9d7ad34f5fcb","secretText":null,"startDateTime":"2024-05-07T06:52:43Z"},`+
			`{"customKeyIdentifier":null,"displayName":"basware prod","endDateTime":"2026-05-07T06:52:43Z","hint":"yXo","keyId":"%08x-39aa-4f3e-9f10-9d7ad34f5fcc","secretText":null,"startDateTime":"2024-05-07T06:52:43Z"}],`+
			`"owners":[{"@odata.type":"#microsoft.graph.user","id":"%08x-2345-4845-976a-317b1dc57155","displayName":"Emma Svensson","mail":"emma.svensson@contoso.com","userPrincipalName":"emma.svensson@contoso.com"}]}`, i, i, i, i, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkPage(b *testing.B) {
	page := samplePage(999)
	f := &Feed{Set: inventory.InApplications}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	var o inventory.Object
	for b.Loop() {
		p, err := f.split(page, false)
		if err != nil {
			b.Fatal(err)
		}
		for i := range p.Records {
			if err := f.Read(p.Records[i].Raw, &o); err != nil {
				b.Fatal(err)
			}
		}
		p.Release()
	}
}

func BenchmarkSplit(b *testing.B) {
	page := samplePage(999)
	f := &Feed{Set: inventory.InApplications}
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		p, err := f.split(page, false)
		if err != nil {
			b.Fatal(err)
		}
		p.Release()
	}
}
