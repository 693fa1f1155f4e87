"""`make compose-secrets`: a trial's secrets for deploy/compose.yaml, a file each, at the paths that Kubernetes has."""

import hashlib
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from authproxy_common.records.sealing import generate_key
from mcp_gateway.tokens.signing_keys import generate_signing_key

ROOT = Path(__file__).resolve().parent.parent
ACL = ROOT / "deploy/k8s/components/redis/users.acl.example"
_USER = re.compile(r"^user (?P<name>\S+) on #0+ ", re.MULTILINE)


def main(directory: Path = ROOT / "deploy/secrets") -> None:
    if directory.exists():
        sys.exit(f"{directory} is there already; what is in it stays as it is")
    for path, content in made().items():
        _write(directory / path, content)
    print(f"{directory}: the secrets of one trial, not to be kept")


def made() -> dict[str, str]:
    """The content of each file, by its path below /run/secrets."""
    acl = ACL.read_text(encoding="utf-8")
    passwords = {user["name"]: secrets.token_urlsafe(32) for user in _USER.finditer(acl)}
    return {
        "auth-server/redis_url": _redis_url("auth-server", passwords),
        "auth-server/encryption_keys": generate_key().reveal(),
        "auth-server/development_client_secret": secrets.token_urlsafe(32),
        "mcp-gateway/redis_url": _redis_url("mcp-gateway", passwords),
        "mcp-gateway/encryption_keys": generate_key().reveal(),
        "mcp-gateway/signing.pem": generate_signing_key().reveal(),
        "redis/users.acl": _USER.sub(lambda user: _with_password(user["name"], passwords), acl),
    }


def _redis_url(user: str, passwords: Mapping[str, str]) -> str:
    return f"redis://{user}:{passwords[user]}@redis:6379/0"


def _with_password(user: str, passwords: Mapping[str, str]) -> str:
    return f"user {user} on #{hashlib.sha256(passwords[user].encode()).hexdigest()} "


def _write(path: Path, content: str) -> None:
    """Readable for any user in a container that it is mounted into; here the directory around it keeps others out."""
    path.parent.parent.mkdir(mode=0o700, exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(content, encoding="utf-8")
    path.chmod(0o444)


if __name__ == "__main__":
    main()
