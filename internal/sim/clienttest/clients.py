# Drives a pretended vault with Microsoft's Python SDKs. It fails with an
# exception; at the end it prints one line for each thing it has proved.
import base64
import os
import time

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

tenant, client = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]
vault, name = os.environ["VAULT_URL"], "from-python"
soon = {"_polling_interval": 0.2}
by_secret = ClientSecretCredential(tenant, client, os.environ["AZURE_CLIENT_SECRET"])
by_certificate = CertificateCredential(tenant, client, os.environ["AZURE_CLIENT_CERTIFICATE_PATH"])
for credential in by_secret, by_certificate:
    assert credential.get_token("https://vault.azure.net/.default").token
print("identity")

secrets = SecretClient(vault, by_certificate)
first = secrets.set_secret(name, "one", tags={"owner": "ann"}, content_type="text/plain")
secrets.set_secret(name, "two")
assert secrets.get_secret(name).value == "two"
assert secrets.get_secret(name, first.properties.version).value == "one"
secrets.update_secret_properties(name, first.properties.version, enabled=False)
try:
    secrets.get_secret(name, first.properties.version)
    raise AssertionError("a disabled secret was read")
except HttpResponseError as refused:
    assert refused.status_code == 403, refused
assert name in [s.name for s in secrets.list_properties_of_secrets()]
assert len(list(secrets.list_properties_of_secret_versions(name))) == 2
backup = secrets.backup_secret(name)
secrets.begin_delete_secret(name, **soon).wait()
assert name in [s.name for s in secrets.list_deleted_secrets()]
secrets.begin_recover_deleted_secret(name, **soon).wait()
secrets.begin_delete_secret(name, **soon).wait()
secrets.purge_deleted_secret(name)
try:
    secrets.get_deleted_secret(name)
    raise AssertionError("a purged secret is still there")
except ResourceNotFoundError:
    pass
for _ in range(50):  # the name stays taken for a while
    try:
        assert secrets.restore_secret_backup(backup).name == name
        break
    except ResourceExistsError:
        time.sleep(0.1)
assert secrets.get_secret(name).value == "two"
print("keyvault-secrets")

certificates = CertificateClient(vault, by_secret)
made = certificates.begin_create_certificate("made-by-python", CertificatePolicy.get_default(), **soon).result()
assert made.policy.issuer_name == "Self" and made.cer, made
pfx = base64.b64decode(secrets.get_secret("made-by-python").value)
copied = certificates.import_certificate("copied-by-python", pfx)
assert copied.properties.x509_thumbprint == made.properties.x509_thumbprint
names = [c.name for c in certificates.list_properties_of_certificates()]
assert "made-by-python" in names and "copied-by-python" in names, names
assert certificates.get_certificate_policy("made-by-python").subject == "CN=DefaultPolicy"
certificates.begin_delete_certificate("made-by-python", **soon).wait()
certificates.begin_recover_deleted_certificate("made-by-python", **soon).wait()
certificates.update_certificate_properties("made-by-python", enabled=False)
assert certificates.get_certificate("made-by-python").properties.enabled is False
print("keyvault-certificates")

keys = KeyClient(vault, by_secret)
assert keys.create_ec_key("key-by-python").key.crv == "P-256"
assert len(keys.create_rsa_key("rsa-by-python", size=2048).key.n) == 256
assert "key-by-python" in [k.name for k in keys.list_properties_of_keys()]
keys.begin_delete_key("key-by-python", **soon).wait()
print("keyvault-keys")
