"""A limit file that says something impossible is refused, naming the file and the id."""

from pathlib import Path

import pytest

from mla_tracker.catalogue.limit_files import COUNTS, LimitEntry, load_entries, read_limits
from mla_tracker.catalogue.toml_tables import CatalogueError
from mla_tracker.domain.counting_rules import RULES

ROW = """
[[limit]]
id = "x-decide"
basis = "law"
instrument = "Treaty of X"
convention = "x"
provision = "Art. 1"
kinds = ["evidence"]
stage = "decide"
tier = "shall"
effect = "deadline"
obligor = "requested"
counted_in = "requested"
within = "30 days"
counting = "calendar"
starts_on = ["received"]
stops_on = ["accepted", "refused"]
evidence = "V"
seen_at = "gazette of X"
"""


def read(*changes: tuple[str, str], more: str = "") -> LimitEntry:
    """The row above with the given lines replaced and further lines added."""
    text = ROW
    for line, other in changes:
        assert line in text
        text = text.replace(line, other)
    (entry,) = read_limits(text + more, file="x.toml")
    return entry


def test_every_counting_rule_of_the_engine_can_be_used_by_a_limit() -> None:
    assert set(COUNTS) == set(RULES)


def test_a_plain_row_is_a_limit_in_force() -> None:
    entry = read()
    assert (entry.ready, entry.lacks, entry.limit.source) == (True, None, "Treaty of X, Art. 1")


def test_a_row_that_is_not_ready_is_read_but_not_in_force() -> None:
    entry = read(more='ready = false\nlacks = "a condition on the weather"\n')
    assert (entry.ready, entry.lacks) == (False, "a condition on the weather")


def test_defaults_fill_what_a_row_does_not_say() -> None:
    text = '[defaults]\nprovision = "Art. 9"\nversion = 2\n' + ROW
    assert [(e.limit.provision, e.limit.version) for e in read_limits(text, file="x.toml")] == [("Art. 1", 2)]


WRONG = [
    ("an unknown key", (("tier =", "teir ="),), "", "unknown key teir"),
    ("an unknown key inside", (), "extension = { ech = '3 days' }", "extension: unknown key ech"),
    ("an unknown key in wording", (), "[limit.wording]\nrunsfrom = 'x'", "wording: unknown key runsfrom"),
    ("no instrument", (('instrument = "Treaty of X"\n', ""),), "", "instrument is missing"),
    ("no provision", (('provision = "Art. 1"\n', ""),), "", "provision is missing"),
    ("no place seen", (('seen_at = "gazette of X"\n', ""),), "", "seen_at is missing"),
    ("no convention", (('convention = "x"\n', ""),), "", "convention is missing"),
    ("no evidence", (('evidence = "V"\n', ""),), "", "evidence is missing"),
    ("unknown evidence", (('"V"', '"Z"'),), "", 'evidence = "Z" is unknown'),
    ("own evidence for law", (('"V"', '"own"'),), "", "is for policies"),
    ("a policy of a convention", (('"law"', '"policy"'),), "", "a policy rests on no convention"),
    ("an unknown act", (('"accepted"', '"acepted"'),), "", 'stops_on 1: act = "acepted" is unknown'),
    (
        "an act of another kind",
        (('"received"', '"arrested"'),),
        "",
        "arrested does not occur in evidence requests",
    ),
    ("an implied act of another kind", (), "implied_by = ['charged']", "charged does not occur"),
    ("an unknown stage", (('"decide"', '"decided"'),), "", 'stage = "decided" is unknown'),
    ("an unknown counting rule", (('"calendar"', '"lunar"'),), "", 'counting = "lunar" is no counting rule'),
    ("hours by a rule of days", (('"30 days"', '"30 hours"'),), "", 'rule "calendar" cannot count hours'),
    ("days by a rule of hours", (('"calendar"', '"instants"'),), "", 'rule "instants" cannot count days'),
    ("working days by a rule of days", (('"30 days"', '"3 working days"'),), "", "cannot count working_days"),
    ("a length without unit", (('"30 days"', '"30"'),), "", "is no length of time"),
    ("a length in moons", (('"30 days"', '"30 moons"'),), "", "is no length of time"),
    ("a length of nothing", (('"30 days"', '"0 days"'),), "", "is no length of time"),
    ("two ways of saying when", (), 'request_date = "wished_by"', "in exactly one way"),
    ("no way of saying when", (('within = "30 days"\n', ""),), "", "in exactly one way"),
    ("an unknown date", (('within = "30 days"', 'request_date = "easter"'),), "", 'request_date = "easter"'),
    ("a negative warning", (), 'warning_lead = "-3 days"', "warning_lead must not be negative"),
    ("a negative extension", (), 'extension = { each = "-3 days" }', "extension each must not be negative"),
    ("no start", (('starts_on = ["received"]\n', ""),), "", "starts_on is missing"),
    ("no kinds", (('kinds = ["evidence"]\n', ""),), "", "kinds is missing"),
    ("empty kinds", (('["evidence"]', "[]"),), "", "kinds is missing"),
    (
        "a later kind",
        (('["evidence"]', '["controlled_delivery"]'),),
        "",
        "kind controlled_delivery are not known yet",
    ),
    ("an unknown kind", (('["evidence"]', '["party"]'),), "", 'kinds = "party" is unknown'),
    ("a word twice", (('["evidence"]', '["evidence", "evidence"]'),), "", "names something twice"),
    ("escalation going backwards", (), "escalation_days = [30, 7]", "must rise"),
    ("escalation before it is due", (), "escalation_days = [0]", "whole numbers from 1"),
    ("a pause without end", (), "pauses = [{ from = ['postponed'] }]", "a pause needs acts"),
    ("a flag that is no flag", (), "starts_each = 'yes'", "starts_each must be true or false"),
    ("a version that is no number", (), "version = 'two'", "version must be a whole number"),
    ("a date in quotation marks", (), "valid_from = '2020-01-01'", "valid_from must be a date"),
    ("a text that is blank", (('"Art. 1"', '" "'),), "", "provision must be a text that is not blank"),
    ("a list that is none", (('["received"]', '"received"'),), "", "starts_on must be a list"),
    ("a list of numbers", (('["received"]', "[3]"),), "", "must be a list of names or tables"),
    ("texts that are none", (), "cancelled_by = [3]", "cancelled_by must be a list of texts"),
    ("a table that is none", (), "extension = 'long'", "extension must be a table"),
    (
        "data that is a list",
        (('["received"]', "[{ act = 'received', where = { a = [] } }]"),),
        "",
        "a must be a text",
    ),
    (
        "validity before publication",
        (),
        "published_on = 2020-01-02\nvalid_from = 2020-01-01",
        "before published_on",
    ),
    (
        "validity ending before it begins",
        (),
        "valid_from = 2020-01-02\nvalid_to = 2020-01-02",
        "valid_to must lie",
    ),
    ("not ready for no reason", (), "ready = false", "lacks says why"),
    ("a reason although ready", (), "lacks = 'much'", "lacks says why"),
]


@pytest.mark.parametrize(("what", "changes", "more", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_a_row_that_cannot_be_meant_is_refused_with_file_and_id(
    what: str, changes: tuple[tuple[str, str], ...], more: str, message: str
) -> None:
    with pytest.raises(CatalogueError) as refusal:
        read(*changes, more=more)
    assert str(refusal.value).startswith("x.toml, limit x-decide"), what
    assert message in str(refusal.value)


def test_a_row_without_id_is_named_by_its_number() -> None:
    with pytest.raises(CatalogueError, match=r"x\.toml, limit number 1: id is missing"):
        read(('id = "x-decide"\n', ""))


def test_two_limits_of_one_id_and_version_are_refused() -> None:
    with pytest.raises(
        CatalogueError, match=r"x\.toml, limit x-decide: its version 1 already stands in x\.toml"
    ):
        read_limits(ROW + ROW, file="x.toml")


def test_a_second_version_of_a_limit_is_welcome() -> None:
    entries = read_limits(ROW + ROW + "version = 2\n", file="x.toml")
    assert [entry.limit.version for entry in entries] == [1, 2]


def test_an_id_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ROW, encoding="utf-8")
    (tmp_path / "b.toml").write_text(ROW, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no catalogue", encoding="utf-8")
    with pytest.raises(
        CatalogueError, match=r"b\.toml, limit x-decide: its version 1 already stands in a\.toml"
    ):
        load_entries(tmp_path)


def test_a_file_that_is_no_toml_is_named() -> None:
    with pytest.raises(CatalogueError, match=r"x\.toml: this is no TOML"):
        read_limits("id =", file="x.toml")


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"x\.toml: unknown key limits"):
        read_limits("[limits]\n", file="x.toml")


def test_defaults_with_an_id_are_refused() -> None:
    with pytest.raises(CatalogueError, match=r"x\.toml: defaults cannot hold an id"):
        read_limits('[defaults]\nid = "x"\n', file="x.toml")
