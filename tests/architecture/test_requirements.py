"""Every mark names a row that exists, and what has landed is not forgotten again."""

import pytest

from scripts.requirements import carried, rows

pytestmark = pytest.mark.requirement("CO-04")


def test_every_row_that_a_test_names_exists() -> None:
    assert carried().keys() - rows().keys() == set()


def test_rows_are_read_from_the_document() -> None:
    assert len(rows()) > 60
    assert rows()["AZ-02"].startswith("M  PKCE")
