package arm

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey.example/rekey/internal/sim/world"
)

const (
	cosmosType  = "Microsoft.DocumentDB/databaseAccounts"
	cosmosSpace = inSubscription + "/providers/Microsoft.DocumentDB"
)

func (c *call) cosmosRoutes() []route {
	const one = inGroup + "/providers/" + cosmosType + "/{n}"
	do := func(what string, wire func(*world.Resource) map[string]any) func() (*answer, error) {
		return func() (*answer, error) { return c.told(cosmosType, what, wire) }
	}
	return []route{
		{"GET", cosmosSpace + "/databaseAccounts", cosmosType + "/read", inSubscription, func() (*answer, error) { return c.listOfType(cosmosType) }},
		{"GET", inGroup + "/providers/" + cosmosType, cosmosType + "/read", inGroup, func() (*answer, error) { return c.listOfType(cosmosType) }},
		{"POST", one + "/listKeys", cosmosType + "/listKeys/action", one, do("listKeys", cosmosKeys)},
		{"POST", one + "/readonlykeys", cosmosType + "/readonlykeys/action", one, do("readonlyKeys", readonlyKeys)},
		{"POST", one + "/listConnectionStrings", cosmosType + "/listConnectionStrings/action", one, do("listConnectionStrings", connectionStrings)},
		{"POST", one + "/regenerateKey", cosmosType + "/regenerateKey/action", one, c.regenerateCosmos},
		{"GET", cosmosSpace + "/locations/{l}/operationsStatus/{op}", "Microsoft.DocumentDB/locations/operationsStatus/read", inSubscription, c.operationStatus},
		{"GET", cosmosSpace + "/locations/{l}/operationResults/{op}", "Microsoft.DocumentDB/locations/operationResults/read", inSubscription, c.operationResult},
	}
}

func cosmosKeys(r *world.Resource) map[string]any {
	keys := wireKeys(r)
	return map[string]any{
		"primaryMasterKey": keys["primary"], "secondaryMasterKey": keys["secondary"],
		"primaryReadonlyMasterKey": keys["primaryReadonly"], "secondaryReadonlyMasterKey": keys["secondaryReadonly"],
	}
}

func readonlyKeys(r *world.Resource) map[string]any {
	all := cosmosKeys(r)
	return map[string]any{"primaryReadonlyMasterKey": all["primaryReadonlyMasterKey"], "secondaryReadonlyMasterKey": all["secondaryReadonlyMasterKey"]}
}

func connectionStrings(r *world.Resource) map[string]any {
	var list []map[string]any
	for _, k := range []struct{ name, kind, description string }{
		{"primary", "Primary", "Primary SQL Connection String"}, {"secondary", "Secondary", "Secondary SQL Connection String"},
		{"primaryReadonly", "PrimaryReadonly", "Primary Read-Only SQL Connection String"}, {"secondaryReadonly", "SecondaryReadonly", "Secondary Read-Only SQL Connection String"},
	} {
		text := fmt.Sprintf("AccountEndpoint=https://%s.documents.azure.com:443/;AccountKey=%s;", strings.ToLower(r.Name), wireKeys(r)[k.name])
		list = append(list, map[string]any{"connectionString": text, "description": k.description, "keyKind": k.kind, "type": "Sql"})
	}
	return map[string]any{"connectionStrings": list}
}

// regenerateCosmos begins an operation that goes on behind the answer. Only one
// at a time may be under way on an account.
func (c *call) regenerateCosmos() (a *answer, err error) {
	var body struct {
		Kind string `json:"keyKind"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	c.w.Change(func() {
		var r *world.Resource
		if r, err = c.resource(cosmosType); err != nil {
			return
		}
		key, now := keyNamed(r, body.Kind), time.Now()
		if key == nil {
			err = badRequest("BadRequest", "The value '"+body.Kind+"' of keyKind is not one of primary, secondary, primaryReadonly, secondaryReadonly.")
			return
		}
		for _, k := range r.Keys {
			if k.Busy(now) {
				err = fail(http.StatusPreconditionFailed, "PreconditionFailed", "There is another user operation in progress which requires an exclusive lock on ["+r.Name+"]. Please retry after sometime.")
				return
			}
		}
		op := world.Operation{ID: c.w.GUID(), Resource: r.ID, Due: now.Add(c.w.Lag.Key)}
		c.w.Azure.Operations[op.ID] = op
		key.Renew(c.draw(keysOf(cosmosType)), op.Due)
		c.record("regenerateKey", r.ID, key.Name)
		a = c.accepted(r, op)
	})
	return a, err
}

// accepted answers that an operation has begun, and where it can be asked for.
func (c *call) accepted(r *world.Resource, op world.Operation) *answer {
	at := "https://management.azure.com/subscriptions/" + c.w.Tenant.SubscriptionID + "/providers/Microsoft.DocumentDB/locations/" + r.Location
	version := "?api-version=" + c.r.URL.Query().Get("api-version")
	return &answer{status: http.StatusAccepted, body: map[string]any{"status": "Enqueued"}, header: map[string]string{
		"Azure-AsyncOperation": at + "/operationsStatus/" + op.ID + version, "Location": at + "/operationResults/" + op.ID + version, "Retry-After": "5",
	}}
}

func (c *call) operation() (op world.Operation, err error) {
	known := false
	c.w.Read(func() { op, known = c.w.Azure.Operations[strings.ToLower(c.args["op"])] })
	if !known {
		return op, fail(http.StatusNotFound, "NotFound", "The operation '"+c.args["op"]+"' was not found.")
	}
	return op, nil
}

func (c *call) operationStatus() (*answer, error) {
	op, err := c.operation()
	if err != nil {
		return nil, err
	}
	if time.Now().Before(op.Due) {
		return &answer{status: http.StatusOK, body: map[string]any{"status": "Dequeued"}, header: map[string]string{"Retry-After": "5"}}, nil
	}
	return ok(map[string]any{"status": "Succeeded"})
}

func (c *call) operationResult() (*answer, error) {
	op, err := c.operation()
	if err != nil {
		return nil, err
	}
	if time.Now().Before(op.Due) {
		return &answer{status: http.StatusAccepted, body: map[string]any{"status": "Dequeued"}, header: map[string]string{"Retry-After": "5"}}, nil
	}
	return ok(map[string]any{"status": "Succeeded"})
}
