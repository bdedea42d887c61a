"""Secrets as the CLI calls for them, done by azure.keyvault.secrets."""
import time

from azure.core.credentials import AccessToken
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets._generated.v7_0 import models

VERSION = "7.0"


class KeyVaultAuthentication:
    """Where the tokens come from: a function of the CLI."""

    def __init__(self, authorization_callback):
        self._callback = authorization_callback

    def get_token(self, *scopes, **_):
        resource = scopes[0][: -len("/.default")] if scopes[0].endswith("/.default") else scopes[0]
        _, token, _ = self._callback(None, resource, scopes[0])
        return AccessToken(token, int(time.time()) + 300)


class KeyVaultClient:
    """The operations on secrets. The names of the arguments become those of the commands."""

    def __init__(self, credentials, api_version=VERSION):
        self._credentials, self._version = credentials, api_version

    def _at(self, vault_base_url):
        return SecretClient(vault_base_url, self._credentials, api_version=self._version)._client

    def get_secrets(self, vault_base_url, maxresults=None, **operation_config):
        return self._at(vault_base_url).get_secrets(vault_base_url, maxresults=_page(maxresults))

    def get_secret_versions(self, vault_base_url, secret_name, maxresults=None, **operation_config):
        return self._at(vault_base_url).get_secret_versions(vault_base_url, secret_name, maxresults=_page(maxresults))

    def get_deleted_secrets(self, vault_base_url, maxresults=None, **operation_config):
        return self._at(vault_base_url).get_deleted_secrets(vault_base_url, maxresults=_page(maxresults))

    def set_secret(self, vault_base_url, secret_name, value, tags=None, content_type=None, secret_attributes=None, **operation_config):
        wanted = models.SecretSetParameters(
            value=value, tags=tags, content_type=content_type, secret_attributes=secret_attributes)
        return self._at(vault_base_url).set_secret(vault_base_url, secret_name, wanted)

    def update_secret(self, vault_base_url, secret_name, secret_version, content_type=None, secret_attributes=None, tags=None, **operation_config):
        wanted = models.SecretUpdateParameters(content_type=content_type, secret_attributes=secret_attributes, tags=tags)
        return self._at(vault_base_url).update_secret(vault_base_url, secret_name, secret_version, wanted)

    def get_secret(self, vault_base_url, secret_name, secret_version, **operation_config):
        return self._at(vault_base_url).get_secret(vault_base_url, secret_name, secret_version)

    def get_deleted_secret(self, vault_base_url, secret_name, **operation_config):
        return self._at(vault_base_url).get_deleted_secret(vault_base_url, secret_name)

    def delete_secret(self, vault_base_url, secret_name, **operation_config):
        return self._at(vault_base_url).delete_secret(vault_base_url, secret_name)

    def recover_deleted_secret(self, vault_base_url, secret_name, **operation_config):
        return self._at(vault_base_url).recover_deleted_secret(vault_base_url, secret_name)

    def purge_deleted_secret(self, vault_base_url, secret_name, **operation_config):
        return self._at(vault_base_url).purge_deleted_secret(vault_base_url, secret_name)

    def backup_secret(self, vault_base_url, secret_name, **operation_config):
        return self._at(vault_base_url).backup_secret(vault_base_url, secret_name)

    def restore_secret(self, vault_base_url, secret_bundle_backup, **operation_config):
        wanted = models.SecretRestoreParameters(secret_bundle_backup=secret_bundle_backup)
        return self._at(vault_base_url).restore_secret(vault_base_url, wanted)


def _page(maxresults):
    return int(maxresults) if maxresults else None
