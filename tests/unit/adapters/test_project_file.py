"""ftops.yaml: defaults, backends, the ledger's names, and where manifests are looked for."""

# ruff: noqa: E501  (a case is one line)

import os

import pytest
from manifest_texts import MANIFEST, PROJECT, project

from ftops.adapters.manifest_files import load, read_project
from ftops.domain.manifest import Backend, BackendType, LedgerSettings, Price


def problems(root, lines: str, **options) -> list[str]:
    text = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec:\n" + "".join(
        f"  {line}\n" for line in lines.split("\n")
    )
    _, found = read_project(project(root, file=text, **options))
    return [str(problem) for problem in found]


def test_defaults(tmp_path):
    found = load(project(tmp_path, file="apiVersion: ftops/v1\nkind: Project\n")).project
    assert (found.name, found.backend, found.manifests, found.is_implicit) == (
        "local",
        "embedded",
        ("finetunes",),
        False,
    )
    assert found.ledger == LedgerSettings()
    assert found.backends["openai"] == Backend(name="openai", type=BackendType.OPENAI, api_key_env="OPENAI_API_KEY")
    assert found.backends["embedded"].settle_seconds == 0


def test_everything_stated(tmp_path):
    text = (
        PROJECT
        + """\
  backends:
    openai: {type: openai, settle_seconds: 5}
    gpu-box: {type: openai, base_url: "http://127.0.0.1:8400/v1", api_key_env: FTOPS_GPU_BOX_KEY, price: {training_usd_per_million: 0, input_usd_per_million: 1}}
    keyless: {type: openai, base_url: "https://box.example/v1"}
    other-org: {type: openai, api_key_env: FTOPS_OTHER_KEY}
    twin: {type: openai}
  ledger: {branch: ops/ledger, remote: null}
  budget: {training_usd: 200}
"""
    )
    loaded = load(project(tmp_path, file=text))
    found = loaded.project
    assert list(found.backends) == ["embedded", "gpu-box", "keyless", "openai", "other-org", "twin"]
    assert found.backends["gpu-box"].price == Price(training=0, input=1)
    assert [one.api_key_env for one in found.backends.values()] == [
        None, "FTOPS_GPU_BOX_KEY", None, "OPENAI_API_KEY", "FTOPS_OTHER_KEY", "OPENAI_API_KEY",
    ]  # fmt: skip
    assert found.backends["openai"].settle_seconds == 5
    assert found.ledger == LedgerSettings(branch="ops/ledger", remote=None)
    assert (found.training_budget_usd, found.name, found.backend) == (200, "acme", "openai")
    assert set(loaded.manifest_digests) == {"ftops.yaml", "finetunes/router.yaml"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("backend: gpu", ["5:12 /spec/backend: expected a backend (embedded, openai), got 'gpu'"]),
        ("backends: {x: {type: openai, base_url: 'http://box.example/v1'}}", ["5:42 /spec/backends/x/base_url: expected https: box.example is not on this machine"]),
        ("backends: {x: {type: openai, base_url: 'http://[::1]:80/v1'}}", []),
        ("backends: {x: {type: openai, base_url: 'http://localhost/v1'}}", []),
        ("backends: {x: {type: openai, base_url: 'https://h:99999/v1'}}", ["5:42 /spec/backends/x/base_url: expected a URL with a valid host and port"]),
        ("backends: {x: {type: openai, base_url: 'https://:80/v1'}}", ["5:42 /spec/backends/x/base_url: expected a URL with a host"]),
        ("backends: {x: {type: openai, base_url: 'ftp://h/v1'}}", ["5:42 /spec/backends/x/base_url: expected an http or https URL without user name, query and fragment, got the string 'ftp://h/v1'"]),
        ("backends: {x: {type: openai, base_url: 'https://u:p@h/v1'}}", ["5:42 /spec/backends/x/base_url: expected an http or https URL without user name, query and fragment, got the string 'https://u:p@h/v1'"]),
        ("backends: {x: {type: openai, api_key_env: OPENAI_API_KEY}}", ["5:45 /spec/backends/x/api_key_env: expected the name of an environment variable like FTOPS_GPU_BOX_KEY, got the string 'OPENAI_API_KEY'"]),
        ("backends: {openai: {type: openai, base_url: 'https://h/v1'}}", ["5:47 /spec/backends/openai/base_url: expected no base_url here: give such a backend a name of its own"]),
        ("backends: {openai: {type: embedded}}", ["5:29 /spec/backends/openai/type: expected openai, the type that openai always has"]),
        ("backends: {x: {type: embedded, price: {}}}", ["5:41 /spec/backends/x/price: expected no price: an embedded backend is local and free"]),
        ("backends: {X: {type: embedded}}", ["5:14 /spec/backends/X: expected a DNS label: up to 40 lower-case letters, digits and inner hyphens, got 'X'"]),
        ("ledger: {remote: 'https://h/x.git'}", ["5:20 /spec/ledger/remote: expected the name of a configured git remote (never a URL or an option), or null, got the string 'https://h/x.git'"]),
        ("ledger: {remote: --upload-pack=x}", ["5:20 /spec/ledger/remote: expected the name of a configured git remote (never a URL or an option), or null, got the string '--upload-pack=x'"]),
        ('ledger: {remote: "origin\\n"}', [r"5:20 /spec/ledger/remote: expected the name of a configured git remote (never a URL or an option), or null, got the string 'origin\x0a'"]),
        *((f"ledger: {{branch: {name}}}", [f"5:20 /spec/ledger/branch: expected a branch name of letters, digits, '.', '_', '-' and '/', got the string '{name}'"]) for name in ("a..b", "-a", "a//b", "a.lock", "a/", "a/.b", "a.")),
        ("ledger: {branch: HEAD}", ["5:20 /spec/ledger/branch: expected a branch's name: HEAD is what is checked out"]),
        ("ledger: {branch: refs/heads/x}", ["5:20 /spec/ledger/branch: expected a branch's name without refs/heads/ before it"]),
        ("ledger: {branch: x-embedded}", ["5:20 /spec/ledger/branch: expected a name that doesn't end in -embedded: rehearsals' ledgers are called so"]),
        ("ledger: {outputs: push}", ["5:21 /spec/ledger/outputs: ledger.outputs: push is not supported by this version; only local"]),
        ("manifests: [finetune]", ["5:15 /spec/manifests: expected a folder, there is no 'finetune' (did you mean finetunes?)"]),
        ("manifests: [finetunes, ../x]", ["5:26 /spec/manifests: expected a path inside the project, got '../x'"]),
        ("manifests: [finetunes, /etc]", ["5:26 /spec/manifests: expected a relative path, got '/etc'"]),
        ("manifests: [finetunes, '/etc/*']", ["5:26 /spec/manifests: expected a relative path, got '/etc/'"]),
        ("manifests: [finetunes, 'a**b']", ["5:26 /spec/manifests: expected a glob, got 'a**b'"]),
        ("manifests: [finetunes, finetunes]", ["5:14 /spec/manifests: expected different items, got one of them twice"]),
        ("manifests: []", ["5:14 /spec/manifests: expected at least 1 item, got an empty list"]),
        ("backends: {x: {type: 3}}\nmanifests: 3", ["5:24 /spec/backends/x/type: expected one of openai, embedded, got the integer 3", "6:14 /spec/manifests: expected a list, got the integer 3"]),
    ],
)  # fmt: skip
def test_a_wrong_project(tmp_path, lines, expected):
    assert problems(tmp_path, lines) == [f"ftops.yaml:{message}" for message in expected]


def test_backends_of_a_broken_project_are_known_to_manifests(tmp_path):
    found = problems(tmp_path, "backends: {box: {type: opena}}", manifest=MANIFEST + "  backend: box\n")
    assert found == [
        "ftops.yaml:5:26 /spec/backends/box/type: expected one of openai, embedded, got the string 'opena' (did you mean openai?)"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "ftops.yaml:1:1: expected a YAML document, the file has none"),
        ("- 1\n", "ftops.yaml:1:1: expected a mapping, got a list"),
        ("kind: Project\napiVersion: ftops/v1\n---\na: 1\n", "ftops.yaml:4:1: expected one document, got another"),
    ],
)
def test_a_file_that_is_no_project(tmp_path, text, expected):
    assert [str(problem) for problem in read_project(project(tmp_path, file=text))[1]] == [expected]


def test_another_spelling_of_the_name(tmp_path):
    (tmp_path / "ftops.yml").write_text(PROJECT)
    assert [str(problem) for problem in read_project(tmp_path)[1]] == ["ftops.yml:1:1: expected the name ftops.yaml"]


def test_a_project_file_that_is_a_folder(tmp_path):
    (tmp_path / "ftops.yaml").mkdir()
    assert [str(p) for p in read_project(tmp_path)[1]] == ["ftops.yaml:1:1: expected a file, 'ftops.yaml' is a folder"]


def test_where_manifests_are(tmp_path):
    text = PROJECT + "  manifests: ['teams/*/ft', finetunes/router.yaml, '.', '*.yaml']\n"
    root = project(tmp_path, file=text, manifest=MANIFEST)
    (root / "finetunes/.hidden.yaml").write_text("3")
    (root / ".github").mkdir()
    (root / ".github/ci.yaml").write_text("3")
    (root / "finetunes/sub").mkdir()
    (root / "finetunes/sub/more.yml").write_text(MANIFEST.replace("router", "more").replace("data/", "../data/"))
    assert [one.path for one in load(root).fine_tunes] == ["finetunes/sub/more.yml", "finetunes/router.yaml"]


def test_a_linked_manifest_must_stay_inside(tmp_path):
    root = project(tmp_path / "root")
    (tmp_path / "outside.yaml").write_text(MANIFEST)
    (root / "finetunes/linked.yaml").symlink_to(tmp_path / "outside.yaml")
    (problem,) = read_project(root)[1]
    assert (
        str(problem)
        == "finetunes/linked.yaml:1:1: expected a path inside the project, 'finetunes/linked.yaml' leaves it"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_manifest_that_may_not_be_read(tmp_path):
    root = project(tmp_path)
    (root / "finetunes/router.yaml").chmod(0)
    assert [str(p) for p in read_project(root)[1]] == [
        "finetunes/router.yaml: expected a readable file: Permission denied"
    ]
