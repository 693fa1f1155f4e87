"""No secret of the configuration is repeated: not in a refusal, not in a warning, not in a `repr`."""

from pathlib import Path

import pytest

from auth_server.settings import load_settings
from authproxy_common.config import SettingsError

pytestmark = pytest.mark.requirement("OP-02", "CF-02")

HUSH = "hunter2-hunter2"
KEY = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMi0="
IN_ORDER = f"""
public_url: https://auth.test
redis_url: redis://:{HUSH}@localhost
encryption_keys: [{KEY}]
providers:
  test:
    issuer: https://idp.test
    client_id: broker
    client_secret: {HUSH}
    redirect_uri: https://auth.test/callback
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "oauth2_config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_do_not_show_their_secrets(tmp_path: Path) -> None:
    loaded = load_settings(write(tmp_path, IN_ORDER), {})

    for shown in (repr(loaded), str(loaded.settings), f"{loaded.settings.providers['test']}"):
        assert HUSH not in shown
        assert KEY not in shown
    assert loaded.settings.providers["test"].client_secret.reveal() == HUSH


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        pytest.param("redis_url: redis://", "redis_url: rediz://", id="store with another scheme"),
        pytest.param("encryption_keys: [aHVudGVy", f"encryption_keys: [{HUSH}, aHVudGVy", id="key that is none"),
        pytest.param("    client_secret: ", "    client_secret: [x]  # ", id="secret that is a list"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: [{HUSH}]", id="secret in a list"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secrets: {HUSH}", id="secret under an unknown key"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: {{a: {HUSH}}}", id="secret in a mapping"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: '{HUSH}", id="quote left open"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: @{HUSH}", id="character that YAML reserves"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: x: {HUSH}", id="two colons"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: *{HUSH}", id="anchor that is not there"),
        pytest.param(f"    client_secret: {HUSH}", f"    client_secret: !{HUSH} x", id="tag that is not there"),
        pytest.param(
            f"    client_secret: {HUSH}", f"    client_secret: {HUSH}\n    client_secret: {HUSH}", id="key twice"
        ),
        pytest.param("issuer: https://", f"issuer: https://me:{HUSH}@", id="password in the issuer"),
        pytest.param("public_url: https://", f"public_url: https://me:{HUSH}@", id="password in the public URL"),
        pytest.param("public_url: https://auth.test", f"public_url: https://a.test/?{HUSH}", id="secret in a query"),
        pytest.param("providers:", f"proxy_oauth: {HUSH}\nproviders:", id="secret in place of a mapping"),
        pytest.param(
            "providers:", f"proxy_oauth: {{allowed_redirect_uris: ['x://{HUSH}']}}\nproviders:", id="secret in the list"
        ),
        pytest.param("  test:", "  test:\n    scope: " + HUSH, id="secret for a scope"),
        pytest.param("public_url:", f"port: {HUSH}\npublic_url:", id="secret for a port"),
        pytest.param("public_url:", f"enabled: {HUSH}\npublic_url:", id="secret for a switch"),
        pytest.param("public_url:", f"logging: {{level: {HUSH}}}\npublic_url:", id="secret for a level"),
    ],
)
def test_a_refusal_does_not_repeat_a_value(tmp_path: Path, line: str, instead: str) -> None:
    assert IN_ORDER.count(line) == 1
    path = write(tmp_path, IN_ORDER.replace(line, instead))

    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})

    for shown in (str(caught.value), repr(caught.value), repr(caught.value.problems)):
        assert HUSH not in shown
    assert str(path) in str(caught.value)


def test_a_warning_names_variables_and_not_their_values(tmp_path: Path) -> None:
    text = IN_ORDER + "  other:\n    issuer: ${OTHER_ISSUER}\n    client_id: ${OTHER_ID, broker}\n"

    loaded = load_settings(write(tmp_path, text), {"UNRELATED": HUSH})

    (warning,) = loaded.warnings
    assert str(warning).endswith("providers.other: left out: none of OTHER_ISSUER is set")
