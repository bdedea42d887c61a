"""The Key Vault client that Debian's Azure CLI misses.

Debian 12's azure-cli 2.45 asks for azure.keyvault.KeyVaultClient, but
python3-azure holds only the packages that came after it. So every "az keyvault
secret" ends with "No module named 'azure.keyvault.v7_0'" before it has sent
anything, see https://github.com/Azure/azure-cli/issues/30740. With the folder
"debian" in PYTHONPATH, Python finds this package under the missing name: it
takes the CLI's calls for secrets to azure.keyvault.secrets, Microsoft's client
that Debian does hold. Where the CLI is whole, its own package comes first and
this one is never read.
"""
import pkgutil

__path__ = pkgutil.extend_path(__path__, __name__)

from .key_vault_client import KeyVaultAuthentication, KeyVaultClient  # noqa: E402
