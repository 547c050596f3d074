"""The table of what each role may do."""

from uuid import UUID

import pytest

from mla_tracker.domain.actors import Actor
from mla_tracker.domain.errors import InsufficientScope, NotAllowed
from mla_tracker.domain.permissions import PERMISSIONS, Deed, may, require, roles_of
from mla_tracker.domain.vocabulary import Role, Scope


def acting_as(role: Role, *scopes: Scope) -> Actor:
    return Actor(UUID(int=1), ("MA",), role, "x", frozenset(scopes or Scope))


def test_every_deed_stands_in_the_table_with_somebody_who_may() -> None:
    assert set(PERMISSIONS) == set(Deed)
    assert all(permission.roles and permission.words for permission in PERMISSIONS.values())


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_with_the_scope_and_not_without(role: Role, deed: Deed) -> None:
    permission = PERMISSIONS[deed]
    assert may(acting_as(role), deed) is (role in permission.roles)
    for scope in permission.scopes or (None,):
        without = acting_as(role, *(set(Scope) - {scope}))
        assert may(without, deed) is (role in permission.roles and scope is None)
        if role not in permission.roles:
            with pytest.raises(NotAllowed):
                require(without, deed)
        elif scope is None:
            require(without, deed)
        else:
            require(acting_as(role), deed)
            with pytest.raises(InsufficientScope) as caught:
                require(without, deed)
            assert caught.value.facts == {"scope": scope.value}


@pytest.mark.parametrize("deed", [Deed.MANAGE_WEBHOOKS, Deed.SET_NOTIFICATIONS])
def test_who_has_others_told_must_be_able_to_read_it(deed: Deed) -> None:
    """Else a token that reads nothing would make a feed or an endpoint that does."""
    scope = PERMISSIONS[deed].scope
    assert scope is not None
    with pytest.raises(InsufficientScope, match="needs the scope read"):
        require(acting_as(Role.HEAD, scope), deed)
    require(acting_as(Role.HEAD, scope, Scope.READ), deed)


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.ADMIN])
def test_who_only_supervises_never_reads_texts_or_persons_and_records_no_case(role: Role) -> None:
    hidden = {
        Deed.READ_TEXTS, Deed.READ_PERSONS, Deed.RECORD_PERSONS, Deed.ERASE_PERSONS, Deed.NAME_READERS,
        Deed.RECORD_REQUESTS, Deed.AMEND_REQUESTS, Deed.RECORD_ACTS, Deed.ACKNOWLEDGE_FLAGS,
    }  # fmt: skip
    assert not [deed for deed in hidden if may(acting_as(role), deed)]


def test_one_role_manages_accounts_and_another_reads_the_audit() -> None:
    assert roles_of(Deed.MANAGE_ACCOUNTS) == (Role.ADMIN,)
    assert roles_of(Deed.READ_AUDIT) == (Role.AUDITOR,)


def test_who_may_not_is_told_who_may() -> None:
    for deed, sentence in [
        (Deed.ACKNOWLEDGE_FLAGS, "only officer or head may acknowledge flags. Ask one of them."),
        (Deed.RECORD_ACTS, "This account is auditor; only officer, head or integration may record and void acts."),
        (Deed.MANAGE_ACCOUNTS, "This account is auditor; only admin may manage accounts"),
    ]:  # fmt: skip
        with pytest.raises(NotAllowed, match=sentence):
            require(acting_as(Role.AUDITOR), deed)
    with pytest.raises(InsufficientScope, match="needs the scope write; this one has: read, manage"):
        require(acting_as(Role.HEAD, Scope.READ, Scope.MANAGE), Deed.RECORD_ACTS)
