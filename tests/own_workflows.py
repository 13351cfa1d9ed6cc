"""How this repository's own workflows differ from the templates that users get: ftops comes from the checkout itself."""

from pathlib import Path

from ftops import __version__

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "src/ftops/templates/github"
WORKFLOWS = ("ftops-plan.yml", "ftops-apply.yml", "ftops-continue.yml")
_INSTALL = """\
      - name: Install ftops
        uses: $/.github/actions/ftops
"""
_INSTALL_CHECKOUT = """\
      - name: Install ftops
        uses: ./
        with:
          source: .
          constraints: constraints.txt
"""


def own(template: str) -> str:
    """Gives a template's text as it stands in this repository."""
    text = (TEMPLATES / template).read_text(encoding="utf-8").replace("FTOPS_VERSION", __version__)
    return text.replace(_INSTALL, _INSTALL_CHECKOUT).replace("uses: $/.github/actions/ftops\n", "uses: ./\n")


def place_of(template: str) -> Path:
    return ROOT / template if template == "action.yml" else ROOT / ".github/workflows" / template


if __name__ == "__main__":
    for name in ("action.yml", *WORKFLOWS):
        place_of(name).write_text(own(name), encoding="utf-8")
