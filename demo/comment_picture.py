"""Draws the pictures in docs/comment.md from a real plan and a real apply: ``python demo/comment_picture.py FOLDER``.

A scratch repository declares three fine-tunes on a server of ftops' own, at OpenAI's prices. ``ftops comment --dry-run`` gives
the Markdown, GitHub's parser (cmark-gfm) the HTML, and a headless Chromium the picture. The style is an imitation.
"""

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import cmarkgfm
from cmarkgfm.cmark import Options

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "finetunes"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
# Not every machine has a font for emoji.
SIGNS: Final = {"✅": ("✔", "yes"), "❌": ("✘", "no"), "⚠️": ("▲", "no"), "💥": ("✘", "no")}
WIDTHS: Final = (1000, 500)
PROJECT: Final = """\
apiVersion: ftops/v1
kind: Project
metadata: {name: acme-support}
spec:
  backend: lab
  backends:
    lab:
      type: openai
      base_url: "BASE_URL"
      settle_seconds: 1
      price: {training_usd_per_million: 5, input_usd_per_million: 0.8, output_usd_per_million: 3.2}
"""
LARGE: Final = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: triage-large}
spec:
  base_model: gpt-4.1-2025-04-14
  method: {type: supervised, hyperparameters: {n_epochs: 10}}
  dataset: {train: data/support-triage.train-v2.jsonl}
  aliases: {production: latest}
  budget: {training_usd: 0.10}
"""
STYLE: Final = Path(__file__).with_name("comment_picture.css")


def main() -> int:
    """Draws both comments; also narrow ones, as on a telephone, where ``--narrow`` asks for them."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("there is no Chromium to draw with")
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ftops-comment-") as folder:
        work = Path(folder)
        for name, markdown in comments(work).items():
            page = work / f"{name}.html"
            page.write_text(page_of(markdown), encoding="utf-8")
            for width in WIDTHS if "--narrow" in sys.argv else WIDTHS[:1]:
                suffix = "" if width == WIDTHS[0] else f"-{width}"
                draw(browser, page, target / f"comment-{name}{suffix}.png", width)
    return 0


def comments(work: Path) -> dict[str, str]:
    """Gives the Markdown of what became of a first apply, and of the plan of a second commit."""
    root = work / "repository"
    shutil.copytree(EXAMPLES, root / "finetunes")
    server = subprocess.Popen(
        [sys.executable, "-m", "ftops", "serve", "--port", "0", "--data-dir", str(work / "server")],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        announced = server.stderr.readline() if server.stderr else ""
        address = re.search(r"http://[\d.:]+/v1", announced)
        if address is None:
            sys.exit(f"the server did not come up: {announced}")
        (root / "ftops.yaml").write_text(PROJECT.replace("BASE_URL", address[0]), encoding="utf-8")
        (root / ".gitignore").write_text(".ftops/\n*.json\n", encoding="utf-8")
        git(root, "init --quiet --initial-branch=main")
        git(root, "add .")
        git(root, "commit --quiet --message Declare")
        ftops(root, "apply --auto-approve --out result.json")
        first = root / "finetunes/support-triage.yaml"
        text = first.read_text(encoding="utf-8").replace("train-v1", "train-v2").replace("n_epochs: 3", "n_epochs: 4")
        first.write_text(text, encoding="utf-8")
        (root / "finetunes/triage-large.yaml").write_text(LARGE, encoding="utf-8")
        git(root, "add .")
        git(root, "commit --quiet --message 'More data'")
        ftops(root, "plan -o plan.json")
        return {
            "plan": ftops(root, "comment --plan plan.json --dry-run"),
            "result": ftops(root, "comment --result result.json --dry-run"),
        }
    finally:
        server.terminate()
        server.wait(timeout=30)


def page_of(markdown: str) -> str:
    """Gives a page with the comment as GitHub shows it: alerts, coloured differences, the first block unfolded."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    body = re.sub(
        r"<blockquote>\s*<p>\[!(\w+)\]\s*",
        lambda kind: f'<blockquote class="{kind[1].lower()}"><p class="kind">{kind[1].capitalize()}</p><p>',
        body,
    )
    body = re.sub(r'(?s)(<pre lang="diff"><code>)(.*?)(</code></pre>)', _coloured, body)
    if "<pre" in body:
        body = body.replace("<details>", "<details open>", 1)
    for sign, (shown, kind) in SIGNS.items():
        body = body.replace(sign, f'<b class="{kind}">{shown}</b>')
    head = '<div class="by"><b>github-actions</b> <i>bot</i> commented now · edited</div>'
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE.read_text(encoding='utf-8')}</style>"
        f'<div class="comment">{head}<div class="body">{body}</div></div>'
        "<script>document.title = document.documentElement.scrollHeight</script>"
    )


def _coloured(found: re.Match[str]) -> str:
    lines = [
        f'<span class="{"add" if line[0] == "+" else "del"}">{line}</span>' if line[:1] in {"+", "-"} else line
        for line in found[2].split("\n")
    ]
    return found[1] + "\n".join(lines) + found[3]


def draw(browser: str, page: Path, picture: Path, width: int) -> None:
    """Draws a page as high as it is."""
    base = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={page.parent}/b",
    ]
    dump = subprocess.run(
        [*base, f"--window-size={width},100", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = re.search(r"<title>(\d+)</title>", html.unescape(dump.stdout))
    height = int(found[1]) if found else 1200
    command = [*base, f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, capture_output=True, check=True, timeout=60)


def ftops(root: Path, words: str) -> str:
    """Runs ftops and gives what it prints; an apply whose gate refuses ends in 4, which is meant."""
    command = [sys.executable, "-m", "ftops", *shlex.split(words)]
    done = subprocess.run(
        command, cwd=root, env=environment(), capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode not in {0, 4}:
        sys.exit(f"ftops {words} ended in {done.returncode}:\n{done.stderr}")
    return done.stdout


def git(root: Path, words: str) -> None:
    """Runs git as somebody."""
    who = ["-c", "user.name=Demo", "-c", "user.email=demo@example.org"]
    subprocess.run(["git", *who, *shlex.split(words)], cwd=root, env=environment(), check=True, timeout=60)


def environment() -> dict[str, str]:
    """Gives the environment without what would lead ftops or git elsewhere."""
    others = ("FTOPS_", "OPENAI_", "GIT_", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}


if __name__ == "__main__":
    sys.exit(main())
