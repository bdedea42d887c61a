// Drives the pretended clouds with Microsoft's JavaScript SDKs, as a program
// would use them behind a proxy. It fails with an exception; at the end it
// prints one line for each thing it has proved.
import assert from "node:assert/strict";
import { ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { Client, PageIterator } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { ProxyAgent, setGlobalDispatcher } from "undici";

const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, AZURE_CLIENT_SECRET: secret } = process.env;
const { AZURE_CLIENT_CERTIFICATE_PATH: certificatePath, VAULT_URL: vault, HTTPS_PROXY: proxy } = process.env;

// The Azure SDKs take the proxy as an option. The Graph client uses fetch, which
// asks the global dispatcher.
const at = new URL(proxy);
const options = { proxyOptions: { host: `http://${at.hostname}`, port: Number(at.port) } };
setGlobalDispatcher(new ProxyAgent(proxy));

const bySecret = new ClientSecretCredential(tenant, client, secret, options);
const byCertificate = new ClientCertificateCredential(tenant, client, { certificatePath }, options);
for (const [name, credential] of Object.entries({ bySecret, byCertificate })) {
  const token = await credential.getToken("https://graph.microsoft.com/.default");
  assert.ok(token.expiresOnTimestamp > Date.now());
  console.log(`identity ${name}`);
}

const secrets = new SecretClient(vault, byCertificate, options);
const set = await secrets.setSecret("from-javascript", "one", { tags: { owner: "ann" }, expiresOn: new Date(Date.now() + 864e5) });
await secrets.setSecret("from-javascript", "two");
assert.equal((await secrets.getSecret("from-javascript")).value, "two");
assert.equal((await secrets.getSecret("from-javascript", { version: set.properties.version })).value, "one");
await secrets.updateSecretProperties("from-javascript", set.properties.version, { enabled: false });
await assert.rejects(secrets.getSecret("from-javascript", { version: set.properties.version }), { statusCode: 403 });
const names = [];
for await (const properties of secrets.listPropertiesOfSecrets()) names.push(properties.name);
assert.ok(names.includes("from-javascript"));
let versions = 0;
for await (const properties of secrets.listPropertiesOfSecretVersions("from-javascript")) versions += properties.name ? 1 : 0;
assert.equal(versions, 2);
const backup = await secrets.backupSecret("from-javascript");
const interval = { intervalInMs: 200 };
await (await secrets.beginDeleteSecret("from-javascript", interval)).pollUntilDone();
await (await secrets.beginRecoverDeletedSecret("from-javascript", interval)).pollUntilDone();
await (await secrets.beginDeleteSecret("from-javascript", interval)).pollUntilDone();
await secrets.purgeDeletedSecret("from-javascript");
for (let tries = 0; ; tries++) {
  try {
    await secrets.restoreSecretBackup(backup);
    break;
  } catch (error) {
    if (error.statusCode !== 409 || tries > 50) throw error;
    await new Promise((done) => setTimeout(done, 100));
  }
}
console.log("keyvault-secrets");

const authProvider = new TokenCredentialAuthenticationProvider(bySecret, { scopes: ["https://graph.microsoft.com/.default"] });
const graph = Client.initWithMiddleware({ authProvider });
const all = [];
const first = await graph.api("/applications").select("id,displayName").top(20).get();
await new PageIterator(graph, first, (application) => all.push(application.displayName) > 0).iterate();
assert.ok(all.length > 20, `only ${all.length} applications`);
const made = await graph.api("/applications").post({ displayName: "from-javascript" });
await graph.api("/servicePrincipals").post({ appId: made.appId });
const password = await graph.api(`/applications/${made.id}/addPassword`).post({ passwordCredential: { displayName: "try" } });
assert.ok(password.secretText && password.keyId);
const own = new ClientSecretCredential(tenant, made.appId, password.secretText, options);
assert.ok((await own.getToken("https://vault.azure.net/.default")).token);
await assert.rejects(new SecretClient(vault, own, { ...options, retryOptions: { maxRetries: 0 } }).getSecret("from-javascript"), { statusCode: 403 });
await graph.api(`/applications/${made.id}`).patch({ notes: "seen" });
assert.equal((await graph.api(`/applications/${made.id}`).get()).notes, "seen");
await graph.api(`/applications/${made.id}/removePassword`).post({ keyId: password.keyId });
await assert.rejects(
  new ClientSecretCredential(tenant, made.appId, password.secretText, options).getToken("https://vault.azure.net/.default"),
  /AADSTS7000215|AADSTS7000222/,
);
await graph.api(`/applications/${made.id}`).delete();
await assert.rejects(graph.api(`/applications/${made.id}`).get(), { statusCode: 404 });
console.log("graph");
