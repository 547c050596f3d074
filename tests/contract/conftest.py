"""The application, clients and database of the tests of the API, and a folder in which clients are generated."""

import pytest

from tests.api.conftest import anonymous, app, applications, client_of, contract_to_hold, present
from tests.builders.generated import Workshop, a_workshop
from tests.builders.held import published

__all__ = ["anonymous", "app", "applications", "client_of", "contract_to_hold", "present"]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """One for all tests of a worker."""
    return a_workshop(tmp_path_factory.mktemp("contract"), published().document)
