"""The life of a fine-tune through the real command line, a real repository and a real server."""

from conftest import Counted
from scratch_project import Scratch


def test_a_life(scratch: Scratch, asked: Counted) -> None:
    plan = scratch.plan(code=3)
    assert "Plan: 1 to train, 1 to evaluate, 1 to promote, 0 to delete." in plan.out
    assert scratch.tip() == ""

    first = scratch.apply()
    assert asked.look() == {"jobs": 1, "chats": 12, "files": 1}
    assert "12 of 12 right" in first.out
    model, revision = scratch.resolve(), scratch.revision()
    assert model.startswith("ft:gpt-4.1-mini-2025-04-14:")

    # Nothing is left to do, and a second apply writes nothing.
    tip = scratch.tip()
    assert "No changes" in scratch.plan().out
    scratch.apply()
    assert (scratch.tip(), asked.look()) == (tip, {"jobs": 0, "chats": 0, "files": 0})

    # A raised gate judges what is promoted by recorded scores: the alias stays.
    scratch.manifest(least=1.1)
    scratch.commit("Raise the gate")
    done = scratch.apply()
    assert "would not pass its gates now" in done.out
    assert (asked.look(), scratch.resolve()) == ({"jobs": 0, "chats": 0, "files": 0}, model)

    # A changed hyperparameter trains once, and that gate withholds the new revision.
    scratch.manifest(least=1.1, epochs=3)
    scratch.commit("Train longer")
    withheld = scratch.apply(code=4)
    assert asked.look() == {"jobs": 1, "chats": 12, "files": 0}
    assert "production does not move" in withheld.out
    assert scratch.resolve() == model
    # Later runs report it and tell of themselves alone.
    assert scratch.apply().code == 0
    assert asked.look() == {"jobs": 0, "chats": 0, "files": 0}

    # Lowering the gate promotes without a call.
    scratch.manifest(least=0.5, epochs=3)
    scratch.commit("Lower the gate")
    scratch.apply()
    assert asked.look() == {"jobs": 0, "chats": 0, "files": 0}
    assert scratch.resolve() != model

    # Rollback is an edit of the alias's line.
    scratch.manifest(least=0.5, epochs=3, aliases=f'{{production: "{revision}"}}')
    scratch.commit("Roll back")
    scratch.apply()
    assert (scratch.resolve(), asked.look()["jobs"]) == (model, 0)

    # A revert to the first manifest trains and calls nothing.
    scratch.manifest()
    scratch.commit("Revert")
    scratch.apply()
    assert (scratch.resolve(), asked.look()) == (model, {"jobs": 0, "chats": 0, "files": 0})

    # Without its line the alias is retired, and resolve says so.
    scratch.manifest(aliases="{}")
    scratch.commit("Retire")
    assert "production retired" in scratch.apply().out
    gone = scratch.ftops("resolve", "router@production")
    assert (gone.code, "retired" in gone.err) == (1, True)
    assert asked.look() == {"jobs": 0, "chats": 0, "files": 0}


def test_a_rename_keeps_everything_and_the_old_name_answers(scratch: Scratch, asked: Counted) -> None:
    scratch.apply()
    model = scratch.resolve()
    asked.look()
    (scratch.root / "finetunes/router.yaml").unlink()
    scratch.manifest("dispatcher", moved_from="[router]")
    scratch.commit("Rename")
    before = scratch.ftops("resolve", "router")
    assert (before.code, before.out.strip()) == (0, model)
    assert "router is called dispatcher now" in before.err
    done = scratch.apply()
    assert "rename: was router" in done.out
    assert asked.look() == {"jobs": 0, "chats": 0, "files": 0}
    assert scratch.resolve("dispatcher") == model
    # moved_from may go after one apply; the old name still answers.
    scratch.manifest("dispatcher")
    scratch.commit("Forget where it came from")
    scratch.plan()
    after = scratch.ftops("resolve", "router")
    assert (after.out.strip(), "router is called dispatcher now" in after.err) == (model, True)


def test_a_saved_plan_is_carried_out_as_long_as_it_fits(scratch: Scratch) -> None:
    assert scratch.ftops("plan", "-o", "plan.json").code == 0
    scratch.manifest(epochs=1)
    stale = scratch.ftops("apply", "plan.json")
    assert stale.code == 6
    assert "manifest finetunes/router.yaml" in stale.err
    assert scratch.jobs() == []
    scratch.manifest()
    done = scratch.ftops("apply", "plan.json")
    assert (done.code, len(scratch.jobs())) == (0, 1), done.text
    used = scratch.ftops("apply", "plan.json")
    assert (used.code, "ledger router" in used.err) == (6, True)


def test_a_saved_plan_of_some_fine_tunes_is_carried_out_for_those_alone(scratch: Scratch) -> None:
    scratch.manifest("other", epochs=1)
    scratch.commit()
    assert scratch.ftops("plan", "--target", "router", "-o", "plan.json").code == 0
    refused = scratch.ftops("apply", "plan.json", "--target", "other")
    assert (refused.code, "is applied to what it was made for" in refused.err) == (2, True)
    done = scratch.ftops("apply", "plan.json")
    assert done.code == 0, done.text
    assert [len(scratch.jobs(name)) for name in ("router", "other")] == [1, 0]
