"""What an address of a database says, beside where it is."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from turnout.config.database import database

ADDRESS = "postgres://turnout@host/name"


@pytest.mark.parametrize(
    ("query", "expected"), [("", 5), ("?prepare_threshold=1", 1), ("?prepare_threshold=never&sslmode=require", None)]
)
def test_postgresql_keeps_statements_unless_the_address_says_never(query: str, expected: int | None) -> None:
    assert database(ADDRESS + query)["OPTIONS"]["prepare_threshold"] == expected


@pytest.mark.parametrize("given", ["soon", "None", "1.5"])
def test_another_threshold_is_refused(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="prepare_threshold"):
        database(f"{ADDRESS}?prepare_threshold={given}")
