"""The same application, clients and database as for the tests of the API."""

from tests.api.conftest import anonymous, app, applications, client_of, contract_to_hold, present

__all__ = ["anonymous", "app", "applications", "client_of", "contract_to_hold", "present"]
