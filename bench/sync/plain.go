package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"rekey.example/rekey/internal/store"
)

// The plain pager: what one writes first. It asks for the same pages, decodes
// them into structs, writes each row with one prepared upsert, and commits a
// page at a time.

const firstPage = "/v1.0/applications?$top=999&$select=id,appId,displayName,createdDateTime,signInAudience,notes,passwordCredentials,keyCredentials&$expand=owners($select=id,displayName,userPrincipalName,mail)"

type page struct {
	Next  string        `json:"@odata.nextLink"`
	Value []application `json:"value"`
}

type application struct {
	ID                  string       `json:"id"`
	AppID               string       `json:"appId"`
	DisplayName         string       `json:"displayName"`
	CreatedDateTime     time.Time    `json:"createdDateTime"`
	SignInAudience      string       `json:"signInAudience"`
	Notes               string       `json:"notes"`
	Owners              []owner      `json:"owners"`
	PasswordCredentials []credential `json:"passwordCredentials"`
	KeyCredentials      []credential `json:"keyCredentials"`
}

type owner struct {
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	UserPrincipalName string `json:"userPrincipalName"`
	Mail              string `json:"mail"`
}

type credential struct {
	KeyID               string     `json:"keyId"`
	DisplayName         string     `json:"displayName"`
	Hint                string     `json:"hint"`
	CustomKeyIdentifier string     `json:"customKeyIdentifier"`
	StartDateTime       *time.Time `json:"startDateTime"`
	EndDateTime         *time.Time `json:"endDateTime"`
}

// The same questions can be asked of these tables as of rekey's: by id, by
// client id, by name, by owner and by end.
var plainSchema = store.Schema{Version: 1, SQL: `
CREATE TABLE application (
	tenant TEXT NOT NULL, object_id TEXT NOT NULL, client_id TEXT NOT NULL, name TEXT NOT NULL, audience TEXT NOT NULL, notes TEXT NOT NULL, created BIGINT NOT NULL,
	PRIMARY KEY (tenant, object_id)
);
CREATE INDEX application_client ON application (tenant, client_id);
CREATE INDEX application_name ON application (tenant, name);
CREATE TABLE owner (
	tenant TEXT NOT NULL, object_id TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, mail TEXT NOT NULL,
	PRIMARY KEY (tenant, object_id, owner)
);
CREATE INDEX owner_owner ON owner (tenant, owner);
CREATE TABLE credential (
	tenant TEXT NOT NULL, object_id TEXT NOT NULL, key_id TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, hint TEXT NOT NULL, thumbprint TEXT NOT NULL, starts BIGINT NOT NULL, expires BIGINT NOT NULL,
	PRIMARY KEY (tenant, key_id)
);
CREATE INDEX credential_application ON credential (tenant, object_id);
CREATE INDEX credential_end ON credential (tenant, expires);
`}

func plain(ctx context.Context, j job) (r result, err error) {
	client, err := graph(ctx, j, nil, nil)
	if err != nil {
		return r, err
	}
	db, err := store.Open(ctx, j.Database, plainSchema)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	began := time.Now()
	for link := firstPage; link != ""; {
		a, err := client.Read(ctx, link, nil, nil)
		if err != nil {
			return r, err
		}
		var p page
		if err := json.Unmarshal(a.Body, &p); err != nil {
			return r, err
		}
		if err := db.Do(ctx, func(tx *store.Tx) error { return upsert(tx, j.Tenant, p.Value, &r) }); err != nil {
			return r, err
		}
		r.Bytes += int64(len(a.Body))
		link = p.Next
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

func upsert(tx *store.Tx, tenant string, list []application, r *result) error {
	apps, err := tx.Prepare(`INSERT INTO application (tenant, object_id, client_id, name, audience, notes, created) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, object_id) DO UPDATE SET client_id = excluded.client_id, name = excluded.name, audience = excluded.audience, notes = excluded.notes, created = excluded.created`)
	if err != nil {
		return err
	}
	defer apps.Close()
	owners, err := tx.Prepare(`INSERT INTO owner (tenant, object_id, owner, name, mail) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, object_id, owner) DO UPDATE SET name = excluded.name, mail = excluded.mail`)
	if err != nil {
		return err
	}
	defer owners.Close()
	credentials, err := tx.Prepare(`INSERT INTO credential (tenant, object_id, key_id, kind, label, hint, thumbprint, starts, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant, key_id) DO UPDATE SET object_id = excluded.object_id, kind = excluded.kind, label = excluded.label, hint = excluded.hint,
		thumbprint = excluded.thumbprint, starts = excluded.starts, expires = excluded.expires`)
	if err != nil {
		return err
	}
	defer credentials.Close()
	for i := range list {
		a := &list[i]
		r.Applications++
		if _, err := apps.Exec(tenant, a.ID, a.AppID, a.DisplayName, a.SignInAudience, a.Notes, a.CreatedDateTime.UnixMilli()); err != nil {
			return err
		}
		for _, o := range a.Owners {
			if _, err := owners.Exec(tenant, a.ID, o.ID, o.DisplayName, o.Mail); err != nil {
				return err
			}
		}
		for kind, keys := range map[string][]credential{"secret": a.PasswordCredentials, "certificate": a.KeyCredentials} {
			for _, c := range keys {
				r.Credentials++
				if _, err := credentials.Exec(tenant, a.ID, c.KeyID, kind, c.DisplayName, c.Hint, c.CustomKeyIdentifier, ms(c.StartDateTime), ms(c.EndDateTime)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func ms(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}
