from ftops.domain.manifest import FineTuneName
from ftops.domain.manifest_notices import ManifestNotice, gathered

SAID = "no gate is enforced"


def about(name: str, message: str = SAID) -> ManifestNotice:
    return ManifestNotice(fine_tunes=(FineTuneName(name),), message=message, file=f"finetunes/{name}.yaml", line=2)


def test_what_is_said_once_keeps_its_place():
    assert gathered([about("a"), about("b", "another")], None) == [
        f"finetunes/a.yaml:2: a: {SAID}",
        "finetunes/b.yaml:2: b: another",
    ]


def test_what_is_said_of_a_fleet_is_one_line():
    (line,) = gathered([about(f"f-{number:02}") for number in range(40)], None)
    assert line == (f"f-00, f-01, f-02, f-03, f-04, f-05, f-06, f-07 and 32 more: {SAID} (ftops validate tells where)")


def test_what_is_not_selected_is_left_out():
    twins = ManifestNotice(fine_tunes=(FineTuneName("a"), FineTuneName("b")), message="one revision, trained 2 times")
    said = [about("a"), about("b"), about("c"), twins]
    assert gathered(said, {FineTuneName("a")}) == [f"finetunes/a.yaml:2: a: {SAID}", f"a, b: {twins.message}"]
    assert gathered(said, {FineTuneName("d")}) == []
