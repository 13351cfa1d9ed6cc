"""Folders of manifests through links: inside the project they are followed once, outside they are refused."""

from manifest_texts import MANIFEST, project

from ftops.adapters.manifest_files import read_project

PROJECT = "apiVersion: ftops/v1\nkind: Project\nspec: {manifests: [%s]}\n"


def other(root, folder: str = "other"):
    (root / folder / "data").mkdir(parents=True)
    (root / folder / "data/train.jsonl").write_text("{}\n")
    (root / folder / "more.yaml").write_text(MANIFEST.replace("router", "more"))
    return root / folder


def paths(root) -> list[str]:
    loaded, problems = read_project(root)
    assert problems == ()
    return [one.path for one in loaded.fine_tunes]


def test_a_linked_folder_is_followed(tmp_path):
    root = project(tmp_path)
    other(root)
    (root / "finetunes/lnk").symlink_to("../other")
    assert paths(root) == ["finetunes/lnk/more.yaml", "finetunes/router.yaml"]


def test_every_real_folder_is_read_once_and_loops_end(tmp_path):
    root = project(tmp_path)
    folder = other(root)
    (folder / "back").symlink_to("../finetunes")
    (folder / "self").symlink_to(".")
    for name in ("a", "b"):
        (root / f"finetunes/{name}").symlink_to("../other")
    assert paths(root) == ["finetunes/a/more.yaml", "finetunes/router.yaml"]


def test_a_file_goes_by_its_own_path_where_it_has_one(tmp_path):
    root = project(tmp_path, file=PROJECT % "finetunes, other")
    other(root)
    (root / "finetunes/0").symlink_to("../other")
    other(root, "finetunes/sub")
    (root / "finetunes/sub/more.yaml").write_text(MANIFEST.replace("router", "third").replace("data/", "../data/"))
    (root / "finetunes/1").symlink_to("sub")
    assert paths(root) == ["other/more.yaml", "finetunes/router.yaml", "finetunes/sub/more.yaml"]


def test_a_link_to_the_root_takes_the_project_file_for_no_manifest(tmp_path):
    root = project(tmp_path, file=PROJECT % "finetunes")
    (root / "finetunes/up").symlink_to("..")
    other(root)
    assert paths(root) == ["finetunes/up/other/more.yaml", "finetunes/router.yaml"]


def test_a_linked_folder_must_stay_inside(tmp_path):
    root = project(tmp_path / "root")
    other(tmp_path)
    (root / "finetunes/lnk").symlink_to("../../other")
    (root / ".git").mkdir()
    (root / "finetunes/git").symlink_to("../.git")
    (root / "finetunes/.hidden").symlink_to("../../other")
    (root / "finetunes/nowhere").symlink_to("../../gone")
    assert [str(problem) for problem in read_project(root)[1]] == [
        "finetunes/git:1:1: expected a path outside .git and .ftops, got 'finetunes/git'",
        "finetunes/lnk:1:1: expected a path inside the project, 'finetunes/lnk' leaves it",
    ]
