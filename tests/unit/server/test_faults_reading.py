"""What a faults file may say, and what is said of one that isn't right."""

import datetime as dt
from pathlib import Path

import pytest

from ftops.server.faults.reading import MAX_BYTES, FaultsInvalid, load, parse
from ftops.server.faults.rules import (
    Cut,
    Delay,
    DenyTraining,
    Drop,
    Duplicate,
    Kind,
    Lag,
    Match,
    Retire,
    Rule,
    Status,
    Throttle,
)

NOON = dt.datetime(2027, 1, 6, 12, tzinfo=dt.UTC)
ANY = Match(method=None, path="/v1/files")


def parsed(text: str) -> tuple[Rule, ...]:
    return parse(text.encode())


def one(text: str) -> Rule:
    (rule,) = parsed(f"faults:\n  - {text}\n")
    return rule


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(FaultsInvalid) as caught:
        parsed(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fault: drop-before", Drop(is_after=False)),
        ("fault: drop-after", Drop(is_after=True)),
        ("fault: duplicate", Duplicate()),
        ("fault: status, status: 503", Status(status=503, message=None, kind=None, code=None, is_after=False)),
        (
            'fault: status, status: 429, message: slow, type: requests, code: "1", after: true',
            Status(status=429, message="slow", kind="requests", code="1", is_after=True),
        ),
        ("fault: delay, seconds: 2", Delay(seconds=2.0, is_after=False)),
        ("fault: delay, seconds: 0.25, after: true", Delay(seconds=0.25, is_after=True)),
        ("fault: cut, bytes: 0", Cut(size=0, part=None)),
        ("fault: cut, part: 0.5", Cut(size=None, part=0.5)),
        ("fault: throttle", Throttle(per_second=None, retry_after=None)),
        ("fault: throttle, per_second: 0.5, retry_after: 3", Throttle(per_second=0.5, retry_after=3.0)),
    ],
)
def test_each_kind_is_read(text: str, fault: object) -> None:
    rule = one(f"{{match: {{path: /v1/files}}, {text}}}")
    assert (rule.fault, rule.match, rule.count, rule.skip, rule.name) == (fault, ANY, None, 0, None)


def test_a_lag_means_requests_that_create() -> None:
    rule = one("{match: {path: /v1/files}, fault: lag, seconds: 5}")
    assert (rule.fault, rule.match) == (Lag(seconds=5.0), Match(method="POST", path="/v1/files"))
    for path in ("/**", "/v1/*", "/v1/uploads/*/complete", "/v1/uploads/upload_1*/complete", "/v1/**/complete"):
        assert one(f"{{match: {{method: POST, path: '{path}'}}, fault: lag, seconds: 5}}").kind is Kind.LAG


def test_faults_without_a_route_are_read() -> None:
    denial = one("{fault: deny-training, from: 2027-01-06T13:00:00+01:00, until: 2027-02-01, count: 3}")
    assert denial.fault == DenyTraining(since=NOON, until=dt.datetime(2027, 2, 1, tzinfo=dt.UTC))
    assert denial.match == Match(method="POST", path="/v1/fine_tuning/jobs")
    assert one("{fault: deny-training}").fault == DenyTraining(since=None, until=None)
    end = one("{fault: retire, model: gpt-4o-2024-08-06, at: 2027-01-14, name: the end}")
    assert end == Rule(
        kind=Kind.RETIRE,
        name="the end",
        match=None,
        fault=Retire(model="gpt-4o-2024-08-06", at=dt.datetime(2027, 1, 14, tzinfo=dt.UTC)),
    )


def test_what_every_rule_may_have_is_read() -> None:
    rule = one("{name: n, match: {method: POST, path: /v1/**}, count: 2, skip: 1, fault: drop-before}")
    assert (rule.name, rule.match, rule.count, rule.skip) == ("n", Match(method="POST", path="/v1/**"), 2, 1)
    assert parsed("faults: []") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("- fault: duplicate\n", "line 1: expected the file to be a mapping, got a list"),
        ("fault: []\n", "line 1: the file needs 'faults'"),
        ("faults: {}\n", "line 1: expected 'faults' to be a list, got a mapping"),
        ("faults:\n  - duplicate\n", "line 2: expected a fault to be a mapping, got 'duplicate'"),
        ("faults:\n  - match: {path: /v1}\n", "line 2: a fault needs 'fault'"),
        ("faults:\n  - fault: vanish\n", "line 2: 'fault': expected one of drop-before,"),
        ("faults:\n  - fault: duplicate\n", "line 2: a fault needs 'match'"),
        ("faults:\n  - fault: duplicate\n    match: /v1\n", "line 3: expected 'match' to be a mapping, got '/v1'"),
        ("faults:\n  - fault: duplicate\n    match: {method: GET}\n", "line 3: 'match' needs 'path'"),
        ("faults:\n  - fault: duplicate\n    match: {path: v1}\n", "line 3: 'path': expected a path that begins"),
        (
            "faults:\n  - fault: duplicate\n    match: {path: /, method: get}\n",
            "line 3: 'method': expected one of GET,",
        ),
        ("faults:\n  - fault: duplicate\n    match: {path: /, host: x}\n", "line 3: 'match' knows no 'host', only"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    after: true\n", "line 4: a fault knows no 'after'"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    count: 0\n", "line 4: 'count': expected a whole"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    count: '2'\n", "line 4: 'count': expected a whole"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    skip: -1\n", "line 4: 'skip': expected a whole"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    name: no\n", "line 4: 'name': expected text"),
        ("faults:\n  - fault: duplicate\n    match: {path: /}\n    name:\n", "line 4: 'name': expected text"),
        ("faults:\n  - fault: status\n    match: {path: /}\n", "line 2: a fault needs 'status'"),
        ("faults:\n  - fault: status\n    match: {path: /}\n    status: 200\n", "line 4: 'status': expected a whole"),
        (
            "faults:\n  - {fault: status, status: 500, match: {path: /},\n     after: yes}\n",
            "line 3: 'after': expected true or false; got 'yes'",
        ),
        ("faults:\n  - {fault: delay, match: {path: /}}\n", "line 2: a fault needs 'seconds'"),
        ("faults:\n  - {fault: lag, match: {path: /}, seconds: 0}\n", "line 2: 'seconds': expected a number above 0"),
        ("faults:\n  - {fault: lag, match: {path: /}, seconds: .inf}\n", "line 2: 'seconds': expected a number above"),
        (
            "faults:\n  - {fault: lag, match: {path: /v1/files, method: GET}, seconds: 1}\n",
            "line 2: 'method': expected POST, as nothing else creates what could lag; got 'GET'",
        ),
        (
            "faults:\n  - {fault: lag, match: {path: /v1/chat/completions}, seconds: 1}\n",
            "line 2: 'path': expected one where something is created that could lag: /v1/files, /v1/uploads,",
        ),
        ("faults:\n  - {fault: duplicate, match: {path: '**'}}\n", "line 2: 'path': expected a path that begins"),
        ("faults:\n  - {fault: duplicate, match: {path: '/v1/models?x=1'}}\n", "line 2: 'path': expected a path with"),
        ("faults:\n  - {fault: duplicate, match: {path: '/v1/models#x'}}\n", "line 2: 'path': expected a path with"),
        ("faults:\n  - {fault: duplicate, match: {path: '/v1/models/ft%3Aa'}}\n", "line 2: 'path': expected a path"),
        ("faults:\n  - {fault: duplicate, match: {path: '/v1/models/{id}'}}\n", "line 2: 'path': expected a path"),
        ("faults:\n  - {fault: duplicate, match: {path: /faults}}\n", "line 2: 'path': expected another path"),
        ("faults:\n  - {fault: cut, match: {path: /}}\n", "line 2: a cut needs either 'bytes' or 'part'"),
        ("faults:\n  - {fault: cut, match: {path: /}, bytes: 1, part: 1}\n", "line 2: a cut needs either"),
        ("faults:\n  - {fault: cut, match: {path: /}, part: 1.5}\n", "line 2: 'part': expected a number above 0"),
        ("faults:\n  - {fault: retire, at: 2027-01-14}\n", "line 2: a fault needs 'model'"),
        (
            "faults:\n  - fault: retire\n    at: 2027-01-14\n    model: gpt-4o *\n",
            "line 4: 'model': expected a model's whole name, which has letters, digits and : . _ / -; got 'gpt-4o *'",
        ),
        ("faults:\n  - {fault: retire, model: m, at: tomorrow}\n", "line 2: 'at': expected a date such as"),
        ("faults:\n  - {fault: retire, model: m, at: 2027-02-30}\n", "line 2: 'at': expected a date such as"),
        ("faults:\n  - {fault: retire, model: m, at: 2027-01-14T12:00:00}\n", "line 2: 'at': expected a date such as"),
        ("faults:\n  - {fault: retire, model: m, at: [2027]}\n", "line 2: 'at': expected a date such as"),
        ("faults:\n  - {fault: retire, model: m, at: 2027-01-14, count: 1}\n", "line 2: a fault knows no 'count'"),
        ("faults:\n  - {fault: deny-training, match: {path: /}}\n", "line 2: a fault knows no 'match'"),
        (
            "faults:\n  - fault: deny-training\n    from: 2027-01-06\n    until: 2027-01-06\n",
            "line 4: 'until': expected a moment after 'from'",
        ),
        ("faults:\n  - fault: deny-training\n    fault: deny-training\n", "line 3: 'fault' is given twice"),
        ("faults: []\nfaults: []\n", "line 2: 'faults' is given twice"),
        ("faults: []\nmore: 1\n", "line 2: the file knows no 'more', only faults"),
        (
            "faults:\n  - {fault: deny-training, name: a}\n  - {fault: deny-training, name: a}\n",
            "line 2: several faults have the name 'a'",
        ),
        ("faults:\n\t- x\n", "line 2: expected YAML: "),
        ("faults: []\n---\nfaults: []\n", "line 2: expected YAML: "),
        ("faults: *x\n", "line 1: expected YAML: "),
        ("faults: !!python/object:os.system []\n? [a]\n: 1", "line 2: the file knows no 'a list', only faults"),
        ("faults: " + "[" * 2_000, "expected YAML that nests less deeply"),
        ("faults: \x01", "expected YAML: it holds characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, expected: str) -> None:
    assert any(each.startswith(expected) for each in problems(text)), problems(text)


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        "faults:\n  - {fault: delay, match: {path: /}}\n  - {fault: x}\n  - {fault: cut, match: {path: /}}\n"
    )
    assert [each.split(":")[0] for each in found] == ["line 2", "line 3", "line 4"]


def test_other_bytes_than_utf8_are_refused() -> None:
    with pytest.raises(FaultsInvalid, match="line 2: expected UTF-8"):
        parse(b"faults: []\n# \xff\n")


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    with pytest.raises(FaultsInvalid, match="expected a regular file"):
        load(tmp_path)
    with pytest.raises(FaultsInvalid, match="No such file"):
        load(tmp_path / "none")
    file = tmp_path / "faults.yaml"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(load(file)) == MAX_BYTES
    file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(FaultsInvalid, match="at most 65,536 bytes"):
        load(file)


@pytest.mark.parametrize(
    ("path", "fits", "fits_not"),
    [
        ("/v1/files", ["/v1/files"], ["/v1/files/", "/v1/files/file-1", "/x/v1/files"]),
        ("/v1/files/*", ["/v1/files/file-1", "/v1/files/"], ["/v1/files", "/v1/files/file-1/content"]),
        ("/v1/*/jobs/*/cancel", ["/v1/fine_tuning/jobs/ftjob-1/cancel"], ["/v1/fine_tuning/jobs/a/b/cancel"]),
        ("/v1/**", ["/v1/", "/v1/files", "/v1/files/file-1/content", "/v1/line\nbreak"], ["/v1", "/v2/files"]),
        ("/v1/models/ft:*", ["/v1/models/ft:gpt-4o:org:x:1"], ["/v1/models/gpt-4o"]),
        ("/a.c", ["/a.c"], ["/abc"]),
    ],
)
def test_paths_match_as_globs(path: str, fits: list[str], fits_not: list[str]) -> None:
    match = Match(method="GET", path=path)
    assert [each for each in fits if not match.fits("GET", each)] == []
    assert [each for each in fits_not if match.fits("GET", each)] == []
    assert not match.fits("POST", fits[0])


def test_a_denial_lasts_from_its_first_moment_up_to_its_last() -> None:
    rule = one("{fault: deny-training, from: 2027-01-06, until: 2027-01-07}")
    midnight = dt.datetime(2027, 1, 6, tzinfo=dt.UTC)
    second = dt.timedelta(seconds=1)
    day = dt.timedelta(days=1)
    moments = [midnight - second, midnight, midnight + day - second, midnight + day]
    found = [rule.fits("POST", "/v1/fine_tuning/jobs", now=moment) for moment in moments]
    assert found == [False, True, True, False]
