"""The parts of the id of an object in a vault, https://host/collection/name[/version]."""
from urllib.parse import urlparse


class KeyVaultIdentifier:
    def __init__(self, uri, collection):
        parsed = urlparse(uri)
        parts = parsed.path.strip("/").split("/")
        if not parsed.netloc or len(parts) not in (2, 3) or parts[0] != collection:
            raise ValueError("not the id of an object in {}: {}".format(collection, uri))
        self.vault, self.name = "{}://{}".format(parsed.scheme, parsed.netloc), parts[1]
        self.version = parts[2] if len(parts) == 3 else ""
