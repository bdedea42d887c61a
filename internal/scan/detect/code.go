package detect

import (
	"hash/crc32"
)

// code are the places where programs are kept, built and published.
var code = []Detector{
	checked(token("github-pat", "GitHub personal access token", "GitHub", "ghp_", `ghp_[A-Za-z0-9]{36}`, "ghp_{a36}"), checkGithub, makeGithub("ghp_")),
	checked(token("github-oauth", "GitHub OAuth token", "GitHub", "gho_", `gho_[A-Za-z0-9]{36}`, "gho_{a36}"), checkGithub, makeGithub("gho_")),
	checked(token("github-user-token", "GitHub user-to-server token", "GitHub", "ghu_", `ghu_[A-Za-z0-9]{36}`, "ghu_{a36}"), checkGithub, makeGithub("ghu_")),
	checked(token("github-app-token", "GitHub installation token", "GitHub", "ghs_", `ghs_[A-Za-z0-9]{36}`, "ghs_{a36}"), checkGithub, makeGithub("ghs_")),
	checked(token("github-refresh-token", "GitHub refresh token", "GitHub", "ghr_", `ghr_[A-Za-z0-9]{36,76}`, "ghr_{a36}"), checkGithub, makeGithub("ghr_")),
	certain(token("github-fine-grained-pat", "GitHub fine-grained token", "GitHub", "github_pat_", `github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}`, "github_pat_{a22}_{a59}")),
	beside("github-old-token", "GitHub token (until 2021)", "GitHub", "github gh_token", "h", 40, 40),
	edge(EdgeDash, certain(token("gitlab-pat", "GitLab personal access token", "GitLab", "glpat-", `glpat-[\w-]{20}(?:[\w-]{7,280}\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?`, "glpat-{a20}", "glpat-{a27}.01.{l9}"))),
	edge(EdgeDash, certain(token("gitlab-pipeline-trigger", "GitLab pipeline trigger token", "GitLab", "glptt-", `glptt-[0-9a-f]{40}`, "glptt-{h40}"))),
	edge(EdgeDash, certain(token("gitlab-runner-registration", "GitLab runner registration token", "GitLab", "GR1348941", `GR1348941[\w-]{20}`, "GR1348941{a20}"))),
	edge(EdgeDash, certain(token("gitlab-runner", "GitLab runner token", "GitLab", "glrt-", `glrt-[\w-]{20,60}`, "glrt-{a20}"))),
	edge(EdgeDash, certain(token("gitlab-deploy", "GitLab deploy token", "GitLab", "gldt-", `gldt-[\w-]{20,60}`, "gldt-{a20}"))),
	edge(EdgeDash, certain(token("gitlab-ci-job", "GitLab job token", "GitLab", "glcbt-", `glcbt-[0-9a-zA-Z]{1,5}_[\w-]{20,60}`, "glcbt-64_{a20}"))),
	edge(EdgeDash, certain(token("gitlab-feed", "GitLab feed token", "GitLab", "glft-", `glft-[\w-]{20,60}`, "glft-{a20}"))),
	edge(EdgeDash, certain(token("gitlab-mail", "GitLab incoming mail token", "GitLab", "glimt-", `glimt-[\w-]{25,60}`, "glimt-{a25}"))),
	edge(EdgeDash, certain(token("gitlab-agent", "GitLab agent token", "GitLab", "glagent-", `glagent-[\w-]{50,80}`, "glagent-{a50}"))),
	edge(EdgeDash, certain(token("gitlab-oauth-app", "GitLab application secret", "GitLab", "gloas-", `gloas-[\w-]{64}`, "gloas-{a64}"))),
	edge(EdgeDash, certain(token("gitlab-scim", "GitLab SCIM token", "GitLab", "glsoat-", `glsoat-[\w-]{20,60}`, "glsoat-{a20}"))),
	edge(EdgeDash, certain(token("gitlab-feature-flags", "GitLab feature flags token", "GitLab", "glffct-", `glffct-[\w-]{20,60}`, "glffct-{a20}"))),
	beside("bitbucket-secret", "Bitbucket client secret", "Bitbucket", "bitbucket", "w", 32, 64),
	certain(token("bitbucket-app-password", "Bitbucket app password", "Bitbucket", "ATBB", `ATBB[A-Za-z0-9]{32}`, "ATBB{a31}7")),
	wide(300, edge(EdgeDash, certain(token("atlassian-token", "Atlassian API token", "Atlassian", "ATATT3", `ATATT3[\w=-]{186}`, "ATATT3{a185}7")))),
	wide(300, edge(EdgeDash, certain(token("atlassian-bitbucket-access", "Bitbucket access token", "Atlassian", "ATCTT3", `ATCTT3[\w=-]{150,190}`, "ATCTT3{a185}7")))),
	beside("atlassian-old-token", "Atlassian API token (until 2022)", "Atlassian", "atlassian jira confluence", "a", 24, 24),
	checked(token("npm-token", "npm access token", "npm", "npm_", `npm_[A-Za-z0-9]{36}`, "npm_{a36}"), checkGithub, makeGithub("npm_")),
	{ID: "npm-auth", Name: "Token or password of a registry in .npmrc", Issuer: "npm", Class: Likely, Anchors: []string{":_authToken", ":_password", "_auth ", "_auth="}, Pattern: `(?::_authToken|:_password|_auth)\s?=\s?"?([A-Za-z0-9+/=_-]{16,200})`, Edge: EdgeNone, Yes: []string{"//registry.npmjs.org/:_authToken={guid}", "//npm.contoso.com/:_password={b24}", "_auth = {b32}"}, No: []string{"//registry.npmjs.org/:_authToken=${NPM_TOKEN}"}},
	wide(300, certain(edge(EdgeDash, token("pypi-token", "PyPI upload token", "PyPI", "pypi-AgEIcHlwaS5vcmc", `pypi-AgEIcHlwaS5vcmc[\w-]{50,200}`, "pypi-AgEIcHlwaS5vcmc{a70}")))),
	wide(300, certain(edge(EdgeDash, token("pypi-test-token", "TestPyPI upload token", "PyPI", "pypi-AgENdGVzdC5weXBpLm9yZ", `pypi-AgENdGVzdC5weXBpLm9yZ[\w-]{50,200}`, "pypi-AgENdGVzdC5weXBpLm9yZ{a70}")))),
	certain(token("nuget-key", "NuGet API key", "NuGet", "oy2", `oy2[a-z2-7]{43}`, "oy2{32:43}")),
	certain(token("rubygems-key", "RubyGems API key", "RubyGems", "rubygems_", `rubygems_[a-f0-9]{48}`, "rubygems_{h48}")),
	certain(token("crates-token", "crates.io token", "crates.io", "cio", `cio[A-Za-z0-9]{32}`, "cio{a31}7")),
	certain(token("clojars-token", "Clojars deploy token", "Clojars", "CLOJARS_", `CLOJARS_[a-z0-9]{60}`, "CLOJARS_{l60}")),
	certain(token("dockerhub-pat", "Docker Hub token", "Docker", "dckr_pat_", `dckr_pat_[\w-]{27}`, "dckr_pat_{a27}")),
	certain(token("dockerhub-oat", "Docker organisation token", "Docker", "dckr_oat_", `dckr_oat_[\w-]{32}`, "dckr_oat_{a32}")),
	{ID: "docker-config-auth", Name: "Password of a registry in Docker's configuration", Issuer: "a container registry", Class: Likely, Anchors: []string{"\"auth\"", "\\\"auth\\\""}, Find: dockerAuth, Make: func() []string {
		return []string{`"auths": {"x.azurecr.io": {"auth": "` + basic("svc:"+Expand("d", "{a20}")) + `"}}`}
	}, No: []string{`"auth": "none"`, `"auth": "{a12}"`}},
	certain(token("artifactory-key", "Artifactory API key", "JFrog", "AKCp", `AKCp[A-Za-z0-9]{69}`, "AKCp{a69}")),
	certain(token("artifactory-reference", "Artifactory reference token", "JFrog", "cmVmdGtu", `cmVmdGtu[A-Za-z0-9]{56}`, "cmVmdGtu{a56}")),
	beside("jfrog-key", "JFrog API key", "JFrog", "jfrog artifactory bintray xray", "a", 64, 73),
	beside("codecov-token", "Codecov token", "Codecov", "codecov", "g", 32, 36),
	certain(token("circleci-pat", "CircleCI token", "CircleCI", "CCIPAT_", `CCIPAT_[A-Za-z0-9]{22}_[a-f0-9]{40}`, "CCIPAT_{a22}_{h40}")),
	certain(token("circleci-project", "CircleCI project token", "CircleCI", "CCIPRJ_", `CCIPRJ_[A-Za-z0-9]{22}_[a-f0-9]{40}`, "CCIPRJ_{a22}_{h40}")),
	beside("circleci-old", "CircleCI token (old)", "CircleCI", "circle_token circleci", "h", 40, 40),
	beside("travis-token", "Travis CI token", "Travis CI", "travis", "w", 20, 22),
	beside("drone-token", "Drone CI token", "Drone", "droneci drone_token", "l", 32, 32),
	certain(token("buildkite-token", "Buildkite token", "Buildkite", "bkua_", `bkua_[a-z0-9]{40}`, "bkua_{l40}")),
	beside("jenkins-token", "Jenkins API token", "Jenkins", "jenkins", "h", 32, 34),
	certain(token("sonar-token", "SonarQube token", "Sonar", "squ_", `squ_[a-f0-9]{40}`, "squ_{h40}")),
	certain(token("sonar-project-token", "SonarQube project token", "Sonar", "sqp_", `sqp_[a-f0-9]{40}`, "sqp_{h40}")),
	certain(token("sonar-global-token", "SonarQube global token", "Sonar", "sqa_", `sqa_[a-f0-9]{40}`, "sqa_{h40}")),
	beside("sonar-old", "SonarCloud token", "Sonar", "sonar", "h", 40, 40),
	beside("snyk-token", "Snyk token", "Snyk", "snyk", "g", 36, 36),
	certain(token("sourcegraph-token", "Sourcegraph token", "Sourcegraph", "sgp_", `sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}`, "sgp_{h40}")),
	wide(220, certain(token("semgrep-token", "Semgrep token", "Semgrep", "sgrep_", `sgrep_[A-Za-z0-9]{30,64}`, "sgrep_{a40}"))),
	certain(token("postman-key", "Postman API key", "Postman", "PMAK-", `PMAK-[a-f0-9]{24}-[a-f0-9]{34}`, "PMAK-{h24}-{h34}")),
	certain(token("readme-key", "ReadMe API key", "ReadMe", "rdme_", `rdme_[a-z0-9]{70}`, "rdme_{l70}")),
	certain(token("prefect-key", "Prefect API key", "Prefect", "pnu_", `pnu_[a-zA-Z0-9]{36}`, "pnu_{l36}")),
	certain(token("pulumi-token", "Pulumi access token", "Pulumi", "pul-", `pul-[a-f0-9]{40}`, "pul-{h40}")),
	certain(back(14, token("terraform-cloud-token", "Terraform Cloud token", "HashiCorp", ".atlasv1.", `[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}`, "{a14}.atlasv1.{a64}"))),
	certain(token("ionic-token", "Ionic token", "Ionic", "ion_", `ion_[A-Za-z0-9]{42}`, "ion_{a42}")),
	certain(token("doppler-token", "Doppler token", "Doppler", "dp.pt.", `dp\.pt\.[A-Za-z0-9]{43}`, "dp.pt.{a43}")),
	certain(token("doppler-service", "Doppler service token", "Doppler", "dp.st.", `dp\.st\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}`, "dp.st.prd.{a43}")),
	certain(token("doppler-cli", "Doppler CLI token", "Doppler", "dp.ct.", `dp\.ct\.[A-Za-z0-9]{40,44}`, "dp.ct.{a43}")),
	certain(token("infisical-token", "Infisical service token", "Infisical", "st.", `st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}`, "st.{h24}.{h32}.{h32}")),
	certain(token("1password-secret-key", "1Password secret key", "1Password", "A3-", `A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}`, "A3-{u6}-{u6}-{u5}-{u5}-{u5}-{u5}")),
	wide(1200, certain(token("1password-service-account", "1Password service account token", "1Password", "ops_eyJ", `ops_eyJ[A-Za-z0-9+/]{250,900}={0,2}`, "ops_eyJ{a300}"))),
	certain(token("age-secret-key", "age secret key", "age", "AGE-SECRET-KEY-1", `AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}`, "AGE-SECRET-KEY-1{c58}")),
	certain(token("vault-service-token", "HashiCorp Vault token", "HashiCorp Vault", "hvs.", `hvs\.[\w-]{24,120}`, "hvs.{a94}")),
	wide(400, certain(token("vault-batch-token", "HashiCorp Vault batch token", "HashiCorp Vault", "hvb.", `hvb\.[\w-]{130,300}`, "hvb.{a150}"))),
	beside("vault-old-token", "HashiCorp Vault token (old)", "HashiCorp Vault", "vault_token x-vault-token", "x", 26, 26),
	certain(token("launchdarkly-sdk-key", "LaunchDarkly SDK key", "LaunchDarkly", "sdk-", `sdk-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`, "sdk-{guid}")),
	beside("launchdarkly-key", "LaunchDarkly access token", "LaunchDarkly", "launchdarkly", "w", 40, 40),
	certain(token("jetbrains-hub-token", "JetBrains hub token", "JetBrains", "perm:", `perm:[A-Za-z0-9+/=]{4,40}\.[A-Za-z0-9+/=]{4,40}\.[A-Za-z0-9]{30,60}`, "perm:{a12}.{a12}.{a36}")),
	beside("cocoapods-trunk", "CocoaPods trunk token", "CocoaPods", "cocoapods", "h", 32, 32),
	certain(token("deno-token", "Deno Deploy token", "Deno", "ddp_", `ddp_[A-Za-z0-9]{36}`, "ddp_{a36}")),
	certain(token("val-town-token", "Val Town token", "Val Town", "vtwn_", `vtwn_[A-Za-z0-9]{24,40}`, "vtwn_{a30}")),
}

// checkGithub compares the last six characters with the CRC-32 of the random
// part. npm uses the same form.
func checkGithub(m *Match) {
	v := m.Value
	i := 4
	if len(v) < i+30+6 {
		m.Class = None
		return
	}
	random, sum := v[i:len(v)-6], string(v[len(v)-6:])
	if githubSum(random) == sum {
		m.Class = Certain
		return
	}
	broken(m)
}

func githubSum(random []byte) string {
	s := digits(crc32.ChecksumIEEE(random), base62)
	return ("000000" + s)[len(s):]
}

func makeGithub(prefix string) func() []string {
	return func() []string {
		r := Expand(prefix, "{a30}")
		return []string{prefix + r + githubSum([]byte(r)), "token " + prefix + r + githubSum([]byte(r)) + "\n"}
	}
}
