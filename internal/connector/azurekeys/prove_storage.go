package azurekeys

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey.example/rekey/internal/secret"
)

// storageDoor reads the properties of the blob service, signed with the key.
// https://learn.microsoft.com/rest/api/storageservices/get-blob-service-properties
func storageDoor(at address) door {
	return door{
		endpoint: func(p properties) string { return p.PrimaryEndpoints.Blob },
		request: func(ctx context.Context, to *url.URL, key secret.Value, now time.Time) (*http.Request, error) {
			return readProperties(ctx, to, at.names[0], key, now)
		},
		judge: judgeStorage,
	}
}

const storageVersion = "2021-12-02"

// readProperties is signed as "Authorize with Shared Key" says: of the headers it
// has only those that begin with x-ms-, and no body.
func readProperties(ctx context.Context, to *url.URL, account string, key secret.Value, now time.Time) (*http.Request, error) {
	u := url.URL{Scheme: to.Scheme, Host: to.Host, Path: "/", RawQuery: "comp=properties&restype=service"}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	date := now.UTC().Format(http.TimeFormat)
	r.Header.Set("x-ms-date", date)
	r.Header.Set("x-ms-version", storageVersion)
	text := "GET" + strings.Repeat("\n", 12) + "x-ms-date:" + date + "\nx-ms-version:" + storageVersion + "\n/" + account + "/\ncomp:properties\nrestype:service"
	r.Header.Set("Authorization", "SharedKey "+account+":"+sign(decoded(key), text))
	return r, nil
}

// sign is the HMAC-SHA256 of a text in base64.
func sign(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decoded is a key out of its base64. What is no base64 is no key of the service,
// and gives a signature that is refused.
func decoded(key secret.Value) []byte {
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil {
		return nil
	}
	return raw
}

func judgeStorage(status int, body []byte) verdict {
	if status/100 == 2 {
		return taken()
	}
	var in struct {
		Code, Message string
		Detail        string `xml:"AuthenticationErrorDetail"`
	}
	_ = xml.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &in) // without a text the status has to do
	if in.Code == "AuthenticationFailed" && status == http.StatusForbidden {
		// The same code stands for a clock that is wrong.
		return refused(in.Code, in.Message, !strings.HasPrefix(in.Detail, "Request date header"))
	}
	if in.Code == "" {
		in.Code = http.StatusText(status)
	}
	return refused(sentence(in.Code), in.Message, false)
}
