"""Which base models can be trained at all.

Owns a short list of OpenAI's families that were never fine-tuned. Any other plain name is a stand-in that can be: this server
can't know what other providers train.
"""

import re

_NEVER_TUNED = re.compile(
    r"(?:chatgpt|codex|computer-use|dall-e|gpt-[56]|gpt-audio|gpt-image|gpt-realtime|o[13]|omni-moderation|sora"
    r"|text-embedding|text-moderation|tts|whisper)(?![a-z0-9]).*"
    r"|gpt-4-turbo.*|gpt-4o-2024-05-13|gpt-4o(?:-mini)?-(?:audio|realtime|search|transcribe|tts).*",
    re.IGNORECASE,
)
_ONLY_REINFORCED = re.compile(r"o4-mini(?![a-z0-9]).*", re.IGNORECASE)


def is_tunable(base: str, method: str) -> bool:
    """Whether jobs of this method may start from a base model."""
    if _ONLY_REINFORCED.fullmatch(base):
        return method == "reinforcement"
    return _NEVER_TUNED.fullmatch(base) is None
