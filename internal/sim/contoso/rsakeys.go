package contoso

import (
	"crypto/rsa"
	"math/big"
	"sync"
)

// primes are five of 1,024 bits, in base 62. To draw them for every world would
// take longer than everything else; every two of them make a key. They are
// public: nothing but this tenant may ever believe a signature of theirs.
var primes = [...]string{
	"KcsTV74W7oaf6GTp2C0wnu48XAtPQdbfPz9BmWL3UhaMdLdYtpyr6NijhoFQD4jKwGK2Eji455WUCHB0gHAxMZS7znDJHbCTbQ514K9qMvELJYyNWD1iUjKItXQC2bZCKsWPcT4s4ys93byBirYCjteIphTMqjAt1ZTxf9lvOTTB",
	"U1G8vDI1cXffuqOgmgbK12HC10zjub6MNalY5fjuwPRmBOQijzbP5XLGBIfXaHBwOtyWlAJ92yiOZ2TojCAxkaFYRJfjutjbhYsKzRI6s7uxGkTB8CYOmcVrauQ4hcy3YV6QDBhdSJ9Cp5F2eYv77fdpKiflDgZZgHsp1j8T8aH3",
	"TXMwlPKmWS7KQ4KmqMmGBDiWbTecyENQLOf3Ual75LzECwuKveDMqkY3yYGU4ANcuSWUhw2XqkimYWtzLaEn5PWJptSJtBEReoztxgFxj8MRDXaNRmTM6pxwVBgEhBgjRyKXWEuJLe0bXbPL3tQClWuLYGjM2sUQgNqUgnx0SwuV",
	"SS8OT017zSgFLbXeQDyLThq6ImnzgejwtHa6GVx5XC2HnTELRAtTRSgjfweLyHn1abBko2RGZBWWXJ0YZTcZjBwOx2sXkhhYqPjjgmcEs07yDzX7wzSLdMv0tZu0KX8IWRl7RWDMwhkOAsmyH7HsWwIrilkbRaKbQfBD5BcfLVfX",
	"Rqf5At5gxst8VlQhN3RtdHA0LtOmmD6j4w0JYnUZMWy4niBDxSyA5Ohr3rIVxXk8J6ieINZyWHQkATV5eHaIYzU2ItEsES5e210HMgPkeO9wgJKjZDJVPPBRNUqoZ6hnbPf1jOh1WMKmDFfqbi2TWKJ8aan9Qbx2m1V4V3rkyXe1",
}

// rsaKey is the nth key, of ten. Entra lets applications sign in with RSA keys only.
func rsaKey(n int) *rsa.PrivateKey { return rsaKeys()[n%len(rsaKeys())] }

var rsaKeys = sync.OnceValue(func() (keys []*rsa.PrivateKey) {
	for i := range primes {
		for j := range i {
			keys = append(keys, keyOf(primes[i], primes[j]))
		}
	}
	return keys
})

func keyOf(first, second string) *rsa.PrivateKey {
	one, e := big.NewInt(1), big.NewInt(65537)
	p, ok1 := new(big.Int).SetString(first, 62)
	q, ok2 := new(big.Int).SetString(second, 62)
	if !ok1 || !ok2 {
		panic("contoso: a prime cannot be read")
	}
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: int(e.Int64())},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	if err := key.Validate(); err != nil {
		panic("contoso: " + err.Error())
	}
	key.Precompute()
	return key
}
