package entra

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// cloud is one line of the instance discovery.
type cloud struct {
	Network string   `json:"preferred_network"`
	Cache   string   `json:"preferred_cache"`
	Aliases []string `json:"aliases"`
}

var clouds = []cloud{
	{"login.microsoftonline.com", "login.windows.net", aliases},
	{"login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn", []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
	{"login.microsoftonline.de", "login.microsoftonline.de", []string{"login.microsoftonline.de"}},
	{"login.microsoftonline.us", "login.microsoftonline.us", []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
	{"login-us.microsoftonline.com", "login-us.microsoftonline.com", []string{"login-us.microsoftonline.com"}},
}

// instanceDiscovery tells a client whether an authority is a real one.
func (c *call) instanceDiscovery() {
	version := c.r.URL.Query().Get("api-version")
	asked, err := url.Parse(c.r.URL.Query().Get("authorization_endpoint"))
	if version == "" || err != nil || asked.Host == "" {
		c.refuse(invalidRequest(900144, "The request body must contain the following parameter: 'authorization_endpoint'."))
		return
	}
	known := slices.ContainsFunc(clouds, func(x cloud) bool { return slices.Contains(x.Aliases, strings.ToLower(asked.Host)) })
	if !known {
		c.refuse(&failure{code: 50049, name: "invalid_instance", status: http.StatusBadRequest, message: "Unknown or invalid instance."})
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	endpoint := "https://" + asked.Host + "/" + tenant
	if strings.Contains(asked.Path, "/v2.0/") {
		endpoint += "/v2.0"
	}
	body := map[string]any{"tenant_discovery_endpoint": endpoint + "/.well-known/openid-configuration", "api-version": version}
	if version != "1.0" {
		body["metadata"] = clouds
	}
	c.write(http.StatusOK, body)
}

// configuration is the OpenID discovery document. Asked by domain it gives away
// the tenant's id, as the service does.
func (c *call) configuration(version int) {
	tenant, f := c.resolve()
	if f != nil {
		c.refuse(f)
		return
	}
	id, base := tenant, "https://"+c.host+"/"+tenant
	if tenant != c.w.Tenant.ID {
		id = "{tenantid}"
	}
	body := map[string]any{
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"cloud_graph_host_name":                 "graph.windows.net",
		"msgraph_host":                          "graph.microsoft.com",
		"rbac_url":                              "https://pas.windows.net",
	}
	if id == "{tenantid}" {
		body["tenant_region_scope"] = nil
	}
	path := "/oauth2"
	if version == 2 {
		path = "/oauth2/v2.0"
		body["issuer"] = "https://login.microsoftonline.com/" + id + "/v2.0"
		body["jwks_uri"] = base + "/discovery/v2.0/keys"
		body["response_types_supported"] = []string{"code", "id_token", "code id_token", "id_token token"}
		body["scopes_supported"] = []string{"openid", "profile", "email", "offline_access"}
		body["request_uri_parameter_supported"] = false
		body["userinfo_endpoint"] = "https://graph.microsoft.com/oidc/userinfo"
		body["kerberos_endpoint"] = base + "/kerberos"
		body["claims_supported"] = []string{"sub", "iss", "aud", "exp", "iat", "nonce", "tid", "ver"}
	} else {
		body["issuer"] = "https://sts.windows.net/" + id + "/"
		body["jwks_uri"] = "https://" + c.host + "/common/discovery/keys"
		body["response_types_supported"] = []string{"code", "id_token", "code id_token", "token id_token", "token"}
		body["scopes_supported"] = []string{"openid"}
		body["microsoft_multi_refresh_token"] = true
		body["userinfo_endpoint"] = "https://" + c.host + "/" + tenant + "/openid/userinfo"
	}
	body["token_endpoint"] = base + path + "/token"
	body["authorization_endpoint"] = base + path + "/authorize"
	body["device_authorization_endpoint"] = base + path + "/devicecode"
	body["end_session_endpoint"] = base + path + "/logout"
	c.rw.Header().Set("Cache-Control", "max-age=86400, private")
	c.rw.Header().Set("Access-Control-Allow-Origin", "*")
	c.write(http.StatusOK, body)
}

// keys are the public signing keys.
func (c *call) keys() {
	tenant, f := c.resolve()
	if f != nil {
		c.refuse(f)
		return
	}
	key := c.w.Signer.Key()
	if strings.Contains(c.r.URL.Path, "v2.0") {
		if tenant != c.w.Tenant.ID {
			tenant = "{tenantid}"
		}
		key["issuer"] = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	}
	c.rw.Header().Set("Cache-Control", "max-age=86400, private")
	c.write(http.StatusOK, map[string]any{"keys": []any{key}})
}

// userRealm tells a client how a person of a domain signs in.
func (c *call) userRealm() {
	_, domain, _ := strings.Cut(c.r.URL.Path[strings.LastIndex(c.r.URL.Path, "/")+1:], "@")
	if !c.ownDomain(domain) {
		c.write(http.StatusOK, map[string]any{"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline"})
		return
	}
	c.write(http.StatusOK, map[string]any{
		"ver": "1.0", "account_type": "Managed", "domain_name": strings.ToLower(domain),
		"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline",
	})
}
