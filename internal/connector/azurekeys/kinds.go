package azurekeys

import (
	"encoding/json"
	"strings"
	"time"

	"rekey.example/rekey/internal/connector/rest"
	"rekey.example/rekey/internal/inventory"
	"rekey.example/rekey/internal/secret"
)

// kind is how one type of resource speaks of its keys.
type kind struct {
	name    string               // resource type, as the manager writes it
	version string               // api-version
	keys    [2]string            // what the keys are called here
	renew   string               // the operation that makes one anew
	ask     func(key string) any // its body
	read    func([]byte) (pair, error)
	door    func(address) door // how a key is proved
}

const (
	topicType   = "Microsoft.EventGrid/topics"
	storageType = "Microsoft.Storage/storageAccounts"
	busType     = "Microsoft.ServiceBus/namespaces"
	hubType     = "Microsoft.EventHub/namespaces"
	cosmosType  = "Microsoft.DocumentDB/databaseAccounts"
	rules       = "/authorizationRules"

	busVersion = "2021-11-01" // of both; every cloud has it
)

// kinds are all types of resource whose keys can be renewed.
func kinds() []kind {
	numbered, ranked := [2]string{"key1", "key2"}, [2]string{"primary", "secondary"}
	rule := func(name string) kind {
		return kind{name + rules, busVersion, ranked, "regenerateKeys", askBus, readBus, busDoor}
	}
	return []kind{
		{topicType, "2022-06-15", numbered, "regenerateKey", askNamed, readTopic, topicDoor},
		{storageType, "2023-05-01", numbered, "regenerateKey", askNamed, readStorage, storageDoor},
		rule(busType), rule(busType + "/queues"), rule(busType + "/topics"),
		rule(hubType), rule(hubType + "/eventhubs"),
		{cosmosType, "2023-04-15", ranked, "regenerateKey", askCosmos, readCosmos, cosmosDoor},
	}
}

func askNamed(key string) any  { return map[string]string{"keyName": key} }
func askCosmos(key string) any { return map[string]string{"keyKind": key} }

func askBus(key string) any {
	return map[string]string{"keyType": strings.ToUpper(key[:1]) + key[1:] + "Key"} // PrimaryKey
}

// key is one of a resource's two keys.
type key struct {
	id      string
	value   secret.Value
	created time.Time // zero: the resource does not tell
}

func (k key) credential(a inventory.Application) inventory.Credential {
	return inventory.Credential{
		Tenant: a.Tenant, Holder: a.ObjectID, KeyID: k.id, Kind: inventory.AccessKey, Label: k.id, Hint: k.value.Hint(), Starts: k.created.UTC(),
	}
}

// pair is both keys.
type pair [2]key

// named is the key of an id that is one of the two.
func (p pair) named(id string) key {
	if p[1].id == id {
		return p[1]
	}
	return p[0]
}

func (p pair) zero() {
	for i := range p {
		p[i].value.Zero()
	}
}

// longestKey is more than any key has.
const longestKey = 512

// whole returns the pair if it is complete.
func (p pair) whole() (pair, error) {
	for _, k := range p {
		if k.value.IsZero() || k.value.Len() > longestKey {
			p.zero()
			return pair{}, rest.ErrTruncated
		}
	}
	return p, nil
}

func readTopic(body []byte) (pair, error) {
	var in struct {
		Key1 secret.Value `json:"key1"`
		Key2 secret.Value `json:"key2"`
	}
	if json.Unmarshal(body, &in) != nil {
		return pair{}, rest.ErrTruncated // the decoder's own error can quote the document
	}
	return pair{{id: "key1", value: in.Key1}, {id: "key2", value: in.Key2}}.whole()
}

func readStorage(body []byte) (pair, error) {
	var in struct {
		Keys []struct {
			Name    string       `json:"keyName"`
			Value   secret.Value `json:"value"`
			Created time.Time    `json:"creationTime"`
		} `json:"keys"`
	}
	if json.Unmarshal(body, &in) != nil {
		return pair{}, rest.ErrTruncated
	}
	p := pair{{id: "key1"}, {id: "key2"}}
	for _, k := range in.Keys {
		for i := range p {
			if p[i].id == strings.ToLower(k.Name) { // there can be kerb1 and kerb2 beside them
				p[i].value, p[i].created = k.Value, k.Created
			}
		}
	}
	return p.whole()
}

func readBus(body []byte) (pair, error) {
	var in struct {
		Primary   secret.Value `json:"primaryKey"`
		Secondary secret.Value `json:"secondaryKey"`
	}
	if json.Unmarshal(body, &in) != nil {
		return pair{}, rest.ErrTruncated
	}
	return pair{{id: "primary", value: in.Primary}, {id: "secondary", value: in.Secondary}}.whole()
}

func readCosmos(body []byte) (pair, error) {
	var in struct {
		Primary   secret.Value `json:"primaryMasterKey"`
		Secondary secret.Value `json:"secondaryMasterKey"`
	}
	if json.Unmarshal(body, &in) != nil {
		return pair{}, rest.ErrTruncated
	}
	return pair{{id: "primary", value: in.Primary}, {id: "secondary", value: in.Secondary}}.whole()
}
