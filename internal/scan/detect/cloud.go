package detect

import (
	"bytes"
	"encoding/base32"
	"strconv"
)

const adviceAWS = "use a role: an instance profile, IRSA, or web identity federation"

// clouds are the keys of the large clouds beside Azure, and of hosting.
var clouds = []Detector{
	{ID: "aws-access-key-id", Name: "AWS access key id", Issuer: "AWS", Class: Likely, Anchors: []string{"AKIA", "ABIA", "ACCA", "A3T"}, Pattern: `(?:AKIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}`, Check: awsAccount, Advice: adviceAWS, Entropy: 2.6, Make: func() []string { return []string{Expand("aws", "AKIA") + b32up("aws")} }, No: []string{"AKIAIOSFODNN7EXAMPLE", "AKIA", "AKIAAAAAAAAAAAAAAAAA"}},
	{ID: "aws-session-key-id", Name: "AWS temporary access key id", Issuer: "AWS", Class: Possible, Anchors: []string{"ASIA"}, Pattern: `ASIA[A-Z2-7]{16}`, Check: awsAccount, Make: func() []string { return []string{"ASIA" + b32up("asia")} }, No: []string{"ASIA", "ASIATICSOCIETYOFINDIA"}},
	{ID: "aws-secret-access-key", Name: "AWS secret access key", Issuer: "AWS", Class: Likely, Words: []string{"aws_secret", "aws-secret", "awssecret", "secret_access_key", "secretaccesskey", "secret-access-key", "aws_sec", "s3_secret", "secretkey", "secret_key", "aws_key", "amz_secret", "access_key"}, Shape: Shape{Set: "b", Min: 40, Max: 40}, Check: awsSecret, Advice: adviceAWS,
		Yes: []string{`aws_secret_access_key = {b39}7`, `"SecretAccessKey": "{b39}7"`}, No: []string{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = {h40}"}},
	{ID: "aws-secret-beside-id", Name: "AWS secret access key", Issuer: "AWS", Class: Likely, Anchors: []string{"AKIA"}, Find: awsPair, Advice: adviceAWS, Make: func() []string {
		return []string{"AKIA" + b32up("pair") + ":" + Expand("p", "{b39}7"), "AKIA" + b32up("pair2") + "\n" + Expand("p", "{b39}7") + "\n"}
	}, No: []string{"AKIA{U16}", "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}},
	certain(wide(400, token("aws-bedrock-key", "Amazon Bedrock API key", "AWS", "ABSKQmVkcm9ja0FQSUtleS", `ABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/]{80,260}={0,2}`, "ABSKQmVkcm9ja0FQSUtleS{b110}"))),
	token("aws-mws-token", "Amazon MWS token", "Amazon", "amzn.mws.", `amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "amzn.mws.{guid}"),
	token("aws-cognito-lwa", "Login with Amazon client secret", "Amazon", "amzn1.oa2-cs.v1.", `amzn1\.oa2-cs\.v1\.[0-9a-f]{64}`, "amzn1.oa2-cs.v1.{h64}"),
	beside("aws-session-token", "AWS session token", "AWS", "aws_session_token aws_security_token sessiontoken", "b", 100, 512),
	edge(EdgeDash, token("google-api-key", "Google API key", "Google Cloud", "AIza", `AIza[\w-]{35}`, "AIza{w34}7")),
	edge(EdgeDash, certain(token("google-oauth-secret", "Google OAuth client secret", "Google", "GOCSPX-", `GOCSPX-[\w-]{28}`, "GOCSPX-{w27}7"))),
	edge(EdgeDash, token("google-oauth-token", "Google OAuth access token", "Google", "ya29.", `ya29\.[\w-]{40,400}`, "ya29.{w120}a")),
	edge(EdgeDash, wide(300, token("google-refresh-token", "Google OAuth refresh token", "Google", "1//0", `1//0[\w-]{40,160}`, "1//0{w80}a"))),
	{ID: "google-service-account", Name: "Key of a Google service account", Issuer: "Google Cloud", Class: Certain, Fold: false, Anchors: []string{"\"private_key_id\"", "private_key_id\\\""}, Find: googleAccount, Advice: "use workload identity federation", Yes: []string{`{"type": "service_account", "private_key_id": "{h40}", "private_key": "-----BEGIN PRIV` + `ATE KEY-----\n{b800}\n"}`}, No: []string{`"private_key_id": ""`, `"private_key_id": "{h40}"`}},
	token("google-hmac-key", "Google Cloud Storage HMAC id", "Google Cloud", "GOOG1E", `GOOG1E[A-Z0-9]{55}`, "GOOG1E{u55}"),
	certain(token("digitalocean-pat", "DigitalOcean token", "DigitalOcean", "dop_v1_", `dop_v1_[a-f0-9]{64}`, "dop_v1_{h64}")),
	certain(token("digitalocean-oauth", "DigitalOcean OAuth token", "DigitalOcean", "doo_v1_", `doo_v1_[a-f0-9]{64}`, "doo_v1_{h64}")),
	certain(token("digitalocean-refresh", "DigitalOcean refresh token", "DigitalOcean", "dor_v1_", `dor_v1_[a-f0-9]{64}`, "dor_v1_{h64}")),
	certain(token("alibaba-access-key", "Alibaba Cloud access key id", "Alibaba Cloud", "LTAI", `LTAI[A-Za-z0-9]{20}`, "LTAI{a19}7")),
	beside("alibaba-secret", "Alibaba Cloud secret", "Alibaba Cloud", "alibaba aliyun", "l", 30, 30),
	token("tencent-secret-id", "Tencent Cloud secret id", "Tencent Cloud", "AKID", `AKID[A-Za-z0-9]{32}`, "AKID{a31}7"),
	beside("tencent-secret", "Tencent Cloud secret key", "Tencent Cloud", "tencent qcloud", "a", 32, 32),
	token("ibm-cloud-key", "IBM Cloud API key", "IBM Cloud", "ApiKey-", `ApiKey-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "ApiKey-{guid}"),
	beside("ibm-cloud-named", "IBM Cloud API key", "IBM Cloud", "ibm_ ibmcloud bluemix", "w", 44, 44),
	beside("oracle-cloud", "Oracle Cloud auth token", "Oracle Cloud", "oci_ oracle_cloud", "x", 20, 64),
	edge(EdgeDash, token("cloudflare-origin-ca", "Cloudflare origin CA key", "Cloudflare", "v1.0-", `v1\.0-[a-f0-9]{24}-[a-f0-9]{146}`, "v1.0-{h24}-{h146}")),
	beside("cloudflare-token", "Cloudflare API token", "Cloudflare", "cloudflare cf_api cf_token", "w", 40, 40),
	beside("cloudflare-global-key", "Cloudflare global API key", "Cloudflare", "cloudflare cf_global x-auth-key cf_api_key", "h", 37, 37),
	certain(token("heroku-key-v2", "Heroku API key", "Heroku", "HRKU-", `HRKU-[\w-]{30,64}`, "HRKU-AA{w58}")),
	beside("heroku-key", "Heroku API key", "Heroku", "heroku", "g", 36, 36),
	edge(EdgeDash, certain(token("flyio-token", "Fly.io token", "Fly.io", "fo1_", `fo1_[\w-]{43}`, "fo1_{w42}7"))),
	wide(1200, certain(token("flyio-macaroon", "Fly.io access token", "Fly.io", "fm2_", `fm2_[A-Za-z0-9+/]{100,1000}={0,2}`, "fm2_{b200}"))),
	certain(token("render-key", "Render API key", "Render", "rnd_", `rnd_[A-Za-z0-9]{28,40}`, "rnd_{a32}")),
	beside("netlify-token", "Netlify token", "Netlify", "netlify", "w", 40, 46),
	certain(token("netlify-pat", "Netlify personal token", "Netlify", "nfp_", `nfp_[A-Za-z0-9]{36}`, "nfp_{a36}")),
	beside("vercel-token", "Vercel token", "Vercel", "vercel", "a", 24, 24),
	certain(token("vercel-blob", "Vercel Blob token", "Vercel", "vercel_blob_rw_", `vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30,36}`, "vercel_blob_rw_{a16}_{a30}")),
	certain(token("scaleway-key", "Scaleway access key", "Scaleway", "SCW", `SCW[A-Z0-9]{17}`, "SCW{u16}7")),
	beside("scaleway-secret", "Scaleway secret key", "Scaleway", "scw_secret scaleway", "g", 36, 36),
	beside("linode-token", "Linode token", "Linode", "linode", "h", 64, 64),
	beside("hetzner-token", "Hetzner Cloud token", "Hetzner", "hcloud hetzner", "a", 64, 64),
	beside("vultr-key", "Vultr API key", "Vultr", "vultr", "u", 36, 36),
	beside("ovh-secret", "OVH application secret", "OVH", "ovh_", "a", 32, 32),
	beside("fastly-token", "Fastly API token", "Fastly", "fastly", "w", 32, 32),
	certain(token("akamai-client-token", "Akamai client token", "Akamai", "akab-", `akab-[a-z0-9]{16}-[a-z0-9]{16}`, "akab-{l16}-{l16}")),
	certain(token("supabase-pat", "Supabase token", "Supabase", "sbp_", `sbp_[a-f0-9]{40}`, "sbp_{h40}")),
	certain(token("supabase-secret", "Supabase secret key", "Supabase", "sb_secret_", `sb_secret_[\w-]{31}`, "sb_secret_{a22}_{a8}")),
	certain(token("yandex-api-key", "Yandex Cloud API key", "Yandex Cloud", "AQVN", `AQVN[\w-]{35,38}`, "AQVN{w34}7")),
	wide(300, token("yandex-iam", "Yandex IAM token", "Yandex Cloud", "t1.9", `t1\.9[A-Za-z0-9_-]{30,120}\.[A-Za-z0-9_-]{80,100}={0,2}`, "t1.9{w60}.{a86}")),
}

func b32up(name string) string { return string(bytes.ToUpper([]byte(Expand(name, "{32:16}")))) }

// awsAccount tells the account whose number the key id holds.
// https://summitroute.com/blog/2018/06/20/aws_security_credential_formats/
func awsAccount(m *Match) {
	raw, err := base32.StdEncoding.DecodeString(string(m.Value[4:20]))
	if err != nil || bytes.Contains(m.Value, []byte("EXAMPLE")) {
		m.Class = None
		return
	}
	var n uint64
	for _, b := range raw[:6] {
		n = n<<8 | uint64(b)
	}
	if t := look(m.Value[4:]); t.digit == 0 && wordy(m.Value[4:]) {
		m.Class = None
		return
	}
	s := strconv.FormatUint(n&0x7fffffffff80>>7, 10)
	m.Add("account", ("000000000000" + s)[len(s):])
}

func awsSecret(m *Match) {
	t := look(m.Value)
	if onlyHex(m.Value) || t.digit == 0 || t.lower == 0 || t.upper == 0 || Entropy(m.Value) < 4 {
		m.Class = None
	}
}

// awsPair finds the secret in the 200 bytes after an access key id.
func awsPair(in *Input, at int) (Match, bool) {
	data := in.Data
	end := at + 20
	if !in.Text || end >= len(data) || !EdgeWord.clear(data, at, end) {
		return Match{}, false
	}
	for _, c := range data[at:end] {
		if classOf[c]&(upper|digit) == 0 {
			return Match{}, false
		}
	}
	run := 0
	for i := end; i <= min(len(data), end+200); i++ {
		if i < len(data) && classOf[data[i]]&(alnum|plus) != 0 {
			run++
			continue
		}
		if run == 40 {
			m := Match{Start: i - 40, End: i, Class: Likely, Value: data[i-40 : i]}
			awsSecret(&m)
			return m, m.Class != None && !Placeholder(m.Value) && !wordy(m.Value)
		}
		run = 0
	}
	return Match{}, false
}

func googleAccount(in *Input, at int) (Match, bool) {
	p, ok := assigned(in.Data, at+1, at+4)
	if !ok || p.end-p.start < 32 {
		return Match{}, false
	}
	to := min(len(in.Data), p.end+400)
	if !bytes.Contains(in.Data[p.end:to], []byte("-----BEGIN")) {
		return Match{}, false
	}
	i := p.end + bytes.Index(in.Data[p.end:to], []byte("-----BEGIN"))
	stop := i
	for stop < len(in.Data) && stop-i < 4000 && in.Data[stop] != '"' {
		stop++
	}
	m := Match{Start: i, End: stop, Class: Certain}
	m.Add("key id", string(in.Data[p.start:p.end]))
	return m, stop-i > 200
}
