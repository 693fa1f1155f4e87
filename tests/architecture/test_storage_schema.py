"""docs/storage-schema.md says what is stored, all of it, and nothing secret is stored without a seal."""

import ast
from dataclasses import is_dataclass
from datetime import timedelta
from typing import get_args, get_type_hints

import pytest

from authproxy_common.secret import Secret
from scripts.storage_schema import PATH, Kept, in_words, of_both_services, schema, with_members
from tests.architecture.sources import modules

pytestmark = pytest.mark.requirement("CO-04", "ST-03")

KEPT = [each for kept in of_both_services() for each in kept]


def test_the_document_is_what_the_code_says() -> None:
    assert PATH.read_text(encoding="utf-8") == schema(), "`make storage-schema` writes it anew"


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.collection.name)
def test_a_record_with_secrets_is_sealed(kept: Kept) -> None:
    hints = [hint for each in with_members(kept.collection.record).values() for hint in get_type_hints(each).values()]
    has_secrets = any(Secret in (hint, *get_args(hint)) for hint in hints)
    assert kept.collection.keys is not None or not has_secrets


def test_no_two_collections_share_their_keys() -> None:
    names = [kept.collection.name for kept in KEPT]
    assert len(names) == len(set(names))
    assert all(is_dataclass(kept.collection.record) for kept in KEPT)


def test_collections_are_made_where_the_document_looks_for_them() -> None:
    homes = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Collection"
    }
    # A generated key, in development, is the one thing besides.
    assert homes == {
        "auth_server.collections",
        "mcp_gateway.collections",
        "authproxy_common.records.development_keys",
    }


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=14), "14 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(days=30, minutes=26), "30 days 26 minutes"),
        (timedelta(hours=1, seconds=1), "1 hour 1 seconds"),
    ],
)
def test_lifetimes_are_written_in_the_units_that_they_have(duration: timedelta, words: str) -> None:
    assert in_words(duration) == words
