"""Fixtures of the faces' tests: a few people, prepared once."""

import pytest

from frlib.faces import sample_identities


@pytest.fixture(scope="session")
def people():
    """Return the first three people of the default population."""
    return sample_identities(3)


@pytest.fixture(scope="session")
def person(people):
    """Return one of them."""
    return people[0]
