"""The vocabulary on board is OpenAI's own, and tokens are counted with it as tiktoken counts them."""

import hashlib
from base64 import b64encode
from pathlib import Path

import pytest
import tiktoken
import toktok
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.datasets.tokens import count_tokens

ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
# What tiktoken knows the download by (tiktoken_ext.openai_public).
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
WRITTEN = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn")))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tiktoken.Encoding:
    board = toktok._encoding("o200k_base")
    tokens = [board.decode_single_token_bytes(number) for number in range(len(board.token_byte_values()))]
    lines = b"".join(b"%s %d\n" % (b64encode(token), number) for number, token in enumerate(tokens))
    assert hashlib.sha256(lines).hexdigest() == SHA256
    folder: Path = tmp_path_factory.mktemp("vocabulary")
    (folder / hashlib.sha1(ADDRESS.encode()).hexdigest()).write_bytes(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        return tiktoken.get_encoding("o200k_base")


@given(st.lists(WRITTEN | st.text(st.sampled_from("aA'.,1 \n\t\r/ßéÅ漢字ひ한🙂\u200d\u0301")), max_size=20))
@settings(max_examples=200)
def test_tokens_are_counted_as_tiktoken_counts_them(theirs: tiktoken.Encoding, texts: list[str]) -> None:
    assert count_tokens(texts) == [len(theirs.encode(text, disallowed_special=())) for text in texts]
