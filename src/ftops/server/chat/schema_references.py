"""Where a reference within a JSON schema leads. References to elsewhere lead nowhere: nothing is fetched."""

from urllib.parse import unquote


def follow(reference: object, root: object) -> object:
    """What ``#`` or a JSON pointer like ``#/$defs/city`` names (RFC 6901); ``LookupError`` when there is nothing."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise LookupError
    found = root
    for step in unquote(reference[1:]).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(found):
            found = found[int(key)]
        else:
            raise LookupError
    return found
