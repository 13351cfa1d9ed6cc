"""Reads Markdown as GitHub does: with GitHub's own parser, and with an eye for what GitHub makes of the HTML afterwards."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

# What our pages consist of, with the attributes that each may have.
OURS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("h3", "h4", "p", "table", "thead", "tbody", "tr", "hr"), frozenset()),
    **dict.fromkeys(("details", "summary", "ul", "li", "blockquote", "strong", "em", "sub", "code"), frozenset()),
    "th": frozenset({"align"}),
    "td": frozenset({"align"}),
    "pre": frozenset({"lang"}),
    "a": frozenset({"href"}),
}
# Mentions, references, commits, emoji, addresses and mathematics: GitHub looks for them in text outside of code.
MADE_LATER = re.compile(
    r"@\w|#\d|\bGH-\d|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b|:[a-z0-9_+-]+:|https?:|www\.|\$[^$\n]*[^\s$]\$|\$`",
    re.IGNORECASE,
)


@dataclass
class Reading(HTMLParser):
    """The tags of a page in their order, its text outside of code, its comments, and what is not ours."""

    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in OURS or not {name for name, _ in attrs} <= OURS[tag]:
            self.strange.append(f"<{tag} {attrs}>")
        if tag != "hr":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")
        if not self._open or self._open.pop() != tag:
            self.strange.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if {"code", "pre"} & set(self._open):
            self.codes.append(data)
            return
        self.texts.append(data)
        if found := MADE_LATER.search(data):
            self.strange.append(f"{found.group()!r} in {data!r}")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.strange.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.strange.append(f"<?{data}>")

    @property
    def shape(self) -> list[str]:
        """The tags but for those of words: prose has its code spans where the foreign words are."""
        return [tag for tag in self.tags if tag.lstrip("/") not in {"code", "em"}]


def html_of(markdown: str) -> str:
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    return cmarkgfm.github_flavored_markdown_to_html(markdown, options=options)


def read_markdown(markdown: str) -> Reading:
    reading = Reading()
    reading.feed(html_of(markdown))
    reading.close()
    return reading
