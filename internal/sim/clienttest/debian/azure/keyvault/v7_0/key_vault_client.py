"""The CLI reads the descriptions of its commands here."""
from ..key_vault_client import KeyVaultClient  # noqa: F401
