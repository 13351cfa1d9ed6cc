"""Training rows as people have them, made up by a seed: chat files of any size, and short rows with known near duplicates.

Owns the mixture: a few system prompts for many rows, one turn and several, tools with calls and results, labels and free
answers, German, Japanese and emoji, repeated rows, nearly repeated ones, and a few addresses and cards. Words come from a
vocabulary whose frequencies fall as in a language, so that tokenizers and hashes have as much to do as with real text.

Usage: python bench/data_rows.py FILE [--megabytes N] [--seed N]
"""

import argparse
import itertools
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_words import COMMON, Words, english, german, japanese

Row = dict[str, Any]

_EMOJI = ("🙂", "👍", "🎉", "😀", "❤️", "🚀", "✅", "🙏")
_REMEMBERED = 1_000
_MOST = 20_000
_SHARES = {"repeated": 0.01, "changed": 0.02, "email": 0.006, "card": 0.002, "emoji": 0.04, "number": 0.15}

_LABELS = tuple(
    f"{area}_{what}" for area in ("card", "transfer", "account", "login", "refund") for what in ("lost", "late", "how")
)
_CITIES = ("Bern", "Oslo", "Lyon", "Kyoto", "Graz", "Turin", "Porto", "Gent")
_TOOLS = tuple(
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{what} Gives a list, which is empty where there is none.",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "what to look for"},
                    "city": {"type": "string", "enum": list(_CITIES)},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                },
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    }
    for name, what in (("find_orders", "Finds orders of the customer."), ("find_shops", "Finds shops near a city."))
)
_SYSTEM = {
    "label": f"Name the intent of the message. Answer with one of: {', '.join(_LABELS)}.",
    "support": "You are the friendly assistant of a bank. Answer briefly, and ask when something is unclear.",
    "tools": "You help customers of a shop. Look things up with the tools; never guess an order number.",
    "summary": "Summarise the text in a few sentences. Keep names and numbers as they are.",
    "german": "Du hilfst Kundinnen und Kunden einer Bank. Antworte auf Deutsch und höflich.",
    "japanese": "あなたは銀行の窓口です。日本語で丁寧に答えてください。",
}
_TASKS = {"bare": 0.05, "label": 0.15, "support": 0.3, "tools": 0.15, "summary": 0.25, "german": 0.06, "japanese": 0.04}


@dataclass(frozen=True, kw_only=True, slots=True)
class ShortRows:
    """Texts, and the pairs of indexes among them that were made alike, with the Jaccard index of their sets of grams."""

    texts: Sequence[str]
    planted: Mapping[tuple[int, int], float]


def write_chat_file(path: Path, *, size: int, seed: int = 0) -> int:
    """Writes chat rows until the file has ``size`` bytes; gives how many there are."""
    written = count = 0
    with path.open("wb") as file:
        for row in chat_rows(seed):
            line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
            file.write(line)
            written, count = written + len(line), count + 1
            if written >= size:
                return count
    raise AssertionError("rows don't end")


def chat_rows(seed: int = 0) -> Iterator[Row]:
    """Gives rows for ever, of about 1.5 kB each."""
    maker = _Maker(seed)
    drawn = random.Random(seed)
    before: list[Row] = []
    for number in itertools.count():
        chance = drawn.random()
        if before and chance < _SHARES["repeated"]:
            row = drawn.choice(before)
        elif before and chance < _SHARES["repeated"] + _SHARES["changed"]:
            row = _changed(drawn, drawn.choice(before))
        else:
            row = maker.row()
        if len(before) < _REMEMBERED:
            before.append(row)
        else:
            before[number % _REMEMBERED] = row
        yield row


def short_rows(count: int, *, planted: int, seed: int = 0, least: float = 0.8, most: float = 0.85) -> ShortRows:
    """Gives ``count`` rows of about 12 words, ``planted`` of which are like another to a known degree."""
    words = Words(english(seed), seed)
    drawn = random.Random(seed)
    texts = [" ".join(words.take(drawn.randint(8, 16))) for _ in range(count - planted)]
    pairs: dict[tuple[int, int], float] = {}
    while len(pairs) < planted:
        place = drawn.randrange(count - planted)
        parts = texts[place].split()
        parts[drawn.randrange(len(parts))] = words.take(1)[0]
        made = " ".join(parts)
        if least <= (index := jaccard(texts[place], made)) <= most:
            pairs[place, len(texts)] = index
            texts.append(made)
    return ShortRows(texts=texts, planted=pairs)


def jaccard(first: str, second: str) -> float:
    """Gives the index of the sets of runs of four letters, for texts of ASCII letters and blanks alone."""
    one, other = (
        {text[at : at + 4] for at in range(len(text) - 3)} for text in (first.replace(" ", ""), second.replace(" ", ""))
    )
    return len(one & other) / len(one | other)


def _changed(drawn: random.Random, row: Row) -> Row:
    """A row with another word in what the user first asks."""
    messages = [dict(message) for message in row["messages"]]
    asked = next(message for message in messages if message["role"] == "user")
    parts = asked["content"].split(" ")
    parts[drawn.randrange(len(parts))] = drawn.choice(COMMON)
    asked["content"] = " ".join(parts)
    return {**row, "messages": messages}


class _Maker:
    def __init__(self, seed: int) -> None:
        self._drawn = random.Random(seed)
        self._english = Words(english(seed), seed)
        self._german = Words(german(seed + 1), seed)
        self._japanese = Words(japanese(), seed)
        self._tasks: Mapping[str, Callable[[], Row]] = {
            "bare": lambda: _row(self._asked(30), _said("assistant", self._drawn.choice(_LABELS))),
            "label": self._label,
            "support": lambda: self._talk("support", self._english),
            "tools": self._tool_use,
            "summary": self._summary,
            "german": lambda: self._talk("german", self._german),
            "japanese": lambda: self._talk("japanese", self._japanese, between="", stop="。"),
        }

    def row(self) -> Row:
        """Gives one row of one of the tasks."""
        return self._tasks[self._drawn.choices(list(_TASKS), list(_TASKS.values()))[0]]()

    def _label(self) -> Row:
        return _row(_said("system", _SYSTEM["label"]), self._asked(60), _said("assistant", self._drawn.choice(_LABELS)))

    def _summary(self) -> Row:
        text = self._text(self._length(2100), self._english)
        return _row(
            _said("system", _SYSTEM["summary"]), _said("user", text), _said("assistant", self._text(400, self._english))
        )

    def _talk(self, task: str, words: Words, *, between: str = " ", stop: str = ". ") -> Row:
        messages = [_said("system", _SYSTEM[task])]
        for _ in range(self._drawn.choice((1, 1, 1, 2, 3, 4))):
            asked = self._text(self._length(140), words, between=between, stop=stop)
            messages.append(_said("user", self._with_extras(asked)))
            messages.append(_said("assistant", self._text(self._length(330), words, between=between, stop=stop)))
        if len(messages) > 5 and self._drawn.random() < 0.3:
            messages[2]["weight"] = 0
        return _row(*messages)

    def _tool_use(self) -> Row:
        query = " ".join(self._english.take(self._drawn.randint(1, 3)))
        arguments: dict[str, Any] = {"query": query}
        city = self._drawn.choice(_CITIES)
        if self._drawn.random() < 0.5:
            arguments["city"] = city
        call = {
            "id": f"call_{self._drawn.getrandbits(64):016x}",
            "type": "function",
            "function": {"name": self._drawn.choice(_TOOLS)["function"]["name"], "arguments": json.dumps(arguments)},
        }
        hits = [
            {"id": self._drawn.randrange(10**6), "text": " ".join(self._english.take(9))}
            for _ in range(self._drawn.randint(0, 6))
        ]
        return _row(
            _said("system", _SYSTEM["tools"]),
            self._asked(70, ending=f" Look for {query} in {city}."),
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(hits)},
            _said("assistant", self._text(180, self._english)),
            tools=_TOOLS,
        )

    def _asked(self, mean: int, *, ending: str = "") -> Row:
        return _said("user", self._with_extras(self._text(self._length(mean), self._english)) + ending)

    def _with_extras(self, text: str) -> str:
        if self._drawn.random() < _SHARES["emoji"]:
            text += f" {self._drawn.choice(_EMOJI)}"
        if self._drawn.random() < _SHARES["email"]:
            text += f" Write to {'.'.join(self._english.take(2))}@{self._drawn.choice(COMMON)}-mail.de, please."
        if self._drawn.random() < _SHARES["card"]:
            text += f" My card is {_card(self._drawn)}."
        return text

    def _length(self, mean: int) -> int:
        return min(int(self._drawn.lognormvariate(0, 0.8) * mean * 0.726), _MOST)  # whose mean is ``mean``

    def _text(self, length: int, words: Words, *, between: str = " ", stop: str = ". ") -> str:
        """Sentences of about ``length`` characters in all."""
        sentences, left = [], max(length, 12)
        while left > 0:
            taken = words.take(self._drawn.randint(5, 18))
            if self._drawn.random() < _SHARES["number"]:
                taken[-1] = str(self._drawn.randrange(10 ** self._drawn.randint(1, 6)))
            sentence = between.join(taken)
            sentences.append(sentence[:1].upper() + sentence[1:])
            left -= len(sentence) + len(stop)
        return stop.join(sentences) + stop.strip()


def _card(drawn: random.Random) -> str:
    digits = [4, *(drawn.randrange(10) for _ in range(14))]
    total = sum(digit if place % 2 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits))
    number = "".join(map(str, [*digits, -total % 10]))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def _said(role: str, content: str) -> Row:
    return {"role": role, "content": content}


def _row(*messages: Row, tools: Sequence[Row] = ()) -> Row:
    return {"messages": list(messages), **({"tools": list(tools)} if tools else {})}


def main() -> int:
    """Writes a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="the file to write")
    parser.add_argument("--megabytes", type=float, default=200, metavar="N", help="its size; default: 200")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other rows; default: 0")
    asked = parser.parse_args()
    count = write_chat_file(asked.file, size=int(asked.megabytes * 1e6), seed=asked.seed)
    print(f"{asked.file}: {count:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
