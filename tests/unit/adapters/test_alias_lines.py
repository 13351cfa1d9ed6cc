"""One alias written anew in a manifest's bytes: that line changes, and nothing else does."""

import codecs
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftops.adapters import yaml_spans
from ftops.adapters.alias_lines import NotEditable, with_alias
from ftops.adapters.yaml_nodes import read_yaml

HEAD = "apiVersion: ftops/v1\nkind: FineTune\nmetadata: {name: mood}\n"
REVISION = "123456789012"  # all digits: a number, but for its quotes

EDITS = {
    "a block": ("spec:\n  aliases:\n    production: latest\n", 'spec:\n  aliases:\n    production: "R"\n'),
    "comments": (
        "spec:\n  # up\n  aliases:  # why\n    # before\n    production:   latest   # who\n    # after\n  seed: 1\n",
        'spec:\n  # up\n  aliases:  # why\n    # before\n    production:   "R"   # who\n    # after\n  seed: 1\n',
    ),
    "single quotes": ("spec:\n  aliases: {production: 'latest'}\n", "spec:\n  aliases: {production: 'R'}\n"),
    "a pin in quotes": ('spec:\n aliases:\n  production: "aaaaaaaaaaaa"\n', 'spec:\n aliases:\n  production: "R"\n'),
    "a pin without": ("spec:\n aliases:\n  production: 3f9a1c2b7d1a\n", 'spec:\n aliases:\n  production: "R"\n'),
    "a flow map": (
        'spec:\n  aliases: { staging: latest ,production: latest , "x": latest }\n',
        'spec:\n  aliases: { staging: latest ,production: "R" , "x": latest }\n',
    ),
    "a quoted key": (
        'spec:\n  "aliases":\n    "prod\\u0075ction": latest\n',
        'spec:\n  "aliases":\n    "prod\\u0075ction": "R"\n',
    ),
    "an anchor of its own": (
        "spec:\n  aliases:\n    production: &p latest\n",
        'spec:\n  aliases:\n    production: &p "R"\n',
    ),
    "a reference": (
        "spec:\n  aliases:\n    staging: &s latest\n    production: *s # same\n",
        'spec:\n  aliases:\n    staging: &s latest\n    production: "R" # same\n',
    ),
    "a key by reference": (
        "spec:\n  labels: {x: &k production}\n  aliases:\n    *k : latest\n",
        'spec:\n  labels: {x: &k production}\n  aliases:\n    *k : "R"\n',
    ),
    "a block scalar": (
        "spec:\n  aliases:\n    production: >-\n      latest\n\n    staging: latest\n",
        'spec:\n  aliases:\n    production: "R"\n\n    staging: latest\n',
    ),
    "a value on the next line": (
        "spec:\n  aliases:\n    production:\n      latest\n",
        'spec:\n  aliases:\n    production:\n      "R"\n',
    ),
    "explicit keys": (
        "spec:\n  ? aliases\n  : ? production\n    : latest\n",
        'spec:\n  ? aliases\n  : ? production\n    : "R"\n',
    ),
    "an alias that is new": (
        "spec:\n  aliases:\n    staging: latest # s\n\n  seed: 1\n",
        'spec:\n  aliases:\n    staging: latest # s\n    production: "R"\n\n  seed: 1\n',
    ),
    "new in a flow map": (
        "spec:\n  aliases: {staging: latest, }\n",
        'spec:\n  aliases: {staging: latest, production: "R", }\n',
    ),
    "new in a flow map of several lines": (
        "spec:\n  aliases: {\n    'staging': latest  # s\n  }\n",
        "spec:\n  aliases: {\n    'staging': latest, 'production': \"R\"  # s\n  }\n",
    ),
    "new in an empty map": ("spec:\n  aliases: {}\n", 'spec:\n  aliases: {production: "R"}\n'),
    "new behind a block scalar": (
        "spec:\n  aliases:\n    staging: |-\n      latest\n  seed: 1\n",
        'spec:\n  aliases:\n    staging: |-\n      latest\n    production: "R"\n  seed: 1\n',
    ),
    "new, and the file ends without a break": (
        "spec:\n  aliases:\n    staging: latest",
        'spec:\n  aliases:\n    staging: latest\n    production: "R"',
    ),
    "no aliases yet": (
        "spec:\n    policy:\n        retries: 1 # r\n    evals:\n    - x: 1\n# end\n",
        'spec:\n    policy:\n        retries: 1 # r\n    evals:\n    - x: 1\n    aliases:\n        production: "R"\n# end\n',
    ),
    "no aliases yet, behind an empty value": (
        "spec:\n  seed:  # none\n",
        'spec:\n  seed:  # none\n  aliases:\n    production: "R"\n',
    ),
    "no aliases yet, behind kept blank lines": (
        "spec:\n  x: |+\n    text\n\n\n",
        'spec:\n  x: |+\n    text\n\n\n  aliases:\n    production: "R"\n',
    ),
    "no aliases yet, in a flow map": ("spec: {seed: 1}\n", 'spec: {seed: 1, aliases: {production: "R"}}\n'),
    "no aliases yet, and nothing else": ("spec: {}\n", 'spec: {aliases: {production: "R"}}\n'),
}


def edit(text: str, *, alias: str = "production", to: str = REVISION, name: str = "mood") -> str:
    return with_alias(text.encode(), fine_tune=name, alias=alias, to=to).decode()


@pytest.mark.parametrize("loader", ["as it comes", "pure Python"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("case", EDITS)
def test_the_line_changes_and_nothing_else(case: str, ends: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if loader == "pure Python":
        monkeypatch.setattr(yaml_spans, "_Loader", yaml.SafeLoader)
    before, after = ((HEAD + text).replace("R", REVISION).replace("\n", ends) for text in EDITS[case])
    assert edit(before) == after


def test_a_byte_order_mark_and_what_is_beyond_ascii_stay() -> None:
    text = "metadata: {name: mood, description: 'für 🙂'}\nspec: {aliases: {production: latest}}\n"
    edited = with_alias(codecs.BOM_UTF8 + text.encode(), fine_tune="mood", alias="production", to=REVISION)
    assert edited == codecs.BOM_UTF8 + text.replace("latest", f'"{REVISION}"').encode()


def test_of_several_documents_the_one_of_that_name_is_edited() -> None:
    other = HEAD.replace("mood", "other") + "spec: {aliases: {production: latest}}\n"
    mine = HEAD + "spec: {aliases: {production: latest}}\n"
    text = f"# first\n---\n{other}...\n# between\n---\n{mine}---\n{other.replace('other', 'third')}"
    assert edit(text) == text.replace(mine, mine.replace("latest", f'"{REVISION}"'))


def test_json_stays_json() -> None:
    text = json.dumps({"metadata": {"name": "mood"}, "spec": {"aliases": {"staging": "latest"}}})
    assert json.loads(edit(text))["spec"]["aliases"] == {"staging": "latest", "production": REVISION}
    bare = json.dumps({"metadata": {"name": "mood"}, "spec": {"seed": 1}}, indent=2)
    assert json.loads(edit(bare))["spec"]["aliases"] == {"production": REVISION}


def test_an_alias_that_looks_like_a_number_stands_in_quotes() -> None:
    assert '{staging: latest, "7": ' in edit(HEAD + "spec: {aliases: {staging: latest}}\n", alias="7")
    assert '"1e999": ' in edit(HEAD + "spec: {aliases: {staging: latest}}\n", alias="1e999")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'production: "{REVISION}"', "production: latest"),
        (f"production: '{REVISION}'", "production: 'latest'"),
        (f'"production": "{REVISION}"', '"production": "latest"'),
        ("production: 3f9a1c2b7d1a", "production: latest"),
    ],
)
def test_back_to_following_the_declared_revision(before: str, after: str) -> None:
    text = HEAD + "spec:\n  aliases:\n    "
    assert edit(f"{text}{before}  # c\n", to="latest") == f"{text}{after}  # c\n"


@pytest.mark.parametrize(
    "text",
    [
        "spec:\n  aliases:\n    production: &p latest\n    staging: *p\n",
        "spec:\n  aliases: &a {production: latest}\n  labels: *a\n",
        "spec:\n  labels: &a {production: latest}\n  aliases: *a\n",
        "x: &a {aliases: {production: latest}}\nspec: *a\n",
        "spec:\n  aliases:\n    ? staging\n    : latest\n",
    ],
)
def test_what_would_change_more_than_that_is_refused(text: str) -> None:
    with pytest.raises(NotEditable):
        edit(HEAD + text)


def test_a_file_that_no_longer_declares_it_is_refused() -> None:
    for text in ("", "- 1\n", "metadata: 1\n", HEAD.replace("mood", "other"), "a: [\n"):
        with pytest.raises(NotEditable, match="declares no mood any more"):
            edit(text)


KEYS = st.sampled_from(["staging", "production", "canary", "eu-1", "on", "007"])
VALUES = st.sampled_from(["latest", '"0123456789ab"', "'123456789012'", "3f9a1c2b7d1a"])
SPACE = st.sampled_from([" ", "   "])
TAIL = st.sampled_from(["", "  # comment: {a, b} \"'", " "])


@st.composite
def manifests(draw: st.DrawFn) -> str:
    indent = " " * draw(st.integers(min_value=1, max_value=5))
    keys = draw(st.lists(KEYS, unique=True, max_size=4))
    quote = draw(st.sampled_from(["", '"', "'"]))
    entries = [(f"{quote}{key}{quote}", draw(VALUES)) for key in keys]
    rest = draw(
        st.sampled_from(["", f"{indent}seed: 1\n", f"\n# about\n{indent}description: |\n{indent}{indent}a\n\n"])
    )
    if draw(st.booleans()) or not entries:
        body = ", ".join(f"{key}:{draw(SPACE)}{value}" for key, value in entries)
        aliases = f"{indent}aliases: {{{body}}}{draw(TAIL)}\n"
    else:
        lines = (f"{indent}{indent}{key}:{draw(SPACE)}{value}{draw(TAIL)}\n" for key, value in entries)
        aliases = f"{indent}aliases:{draw(TAIL)}\n" + "".join(lines)
    before = draw(st.booleans())
    return HEAD + "spec:\n" + (aliases + rest if before else rest + aliases)


@given(manifests(), KEYS, st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_layout_one_value_changes_and_the_rest_is_byte_for_byte_the_same(
    text: str, alias: str, ends: str
) -> None:
    text = text.replace("\n", ends)
    before = values(text)
    after = edit(text, alias=alias)
    assert values(after) == before | {alias: REVISION}
    begin = len(common(text, after))
    end = len(common(text[: begin - 1 : -1], after[: begin - 1 : -1])) if begin else 0
    changed = text[begin : len(text) - end]
    if alias in before:
        assert ends not in changed
        assert "#" not in changed
    else:
        assert not changed.strip()


def values(text: str) -> dict[str, Any]:
    found = read_yaml(text.encode(), "x")
    assert not found.problems
    aliases: dict[str, Any] = found.documents[0].value["spec"]["aliases"]
    return aliases


def common(one: str, other: str) -> str:
    """What both begin with."""
    length = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def test_this_repository_s_own_manifests_can_be_edited() -> None:
    for file in sorted((Path(__file__).parents[3] / "finetunes").glob("*.yaml")):
        data = file.read_bytes()
        for document in read_yaml(data, file.name).documents:
            name = document.value["metadata"]["name"]
            for alias in document.value["spec"]["aliases"]:
                edited = with_alias(data, fine_tune=name, alias=alias, to=REVISION)
                assert len(set(edited.splitlines()) - set(data.splitlines())) == 1
