"""Downloads from GitHub's API that another host answers: artifacts lie in a storage of their own.

Owns that the token stays behind: the API gets it, and names an address that needs none.
Source: https://docs.github.com/rest/actions/artifacts#download-an-artifact.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ftops.adapters.backend_address import is_loopback
from ftops.adapters.github_api import Access, connection, token_headers
from ftops.domain.foreign_text import visible
from ftops.errors import HostError, HostForbidden

if TYPE_CHECKING:
    import httpx2


def download(access: Access, path: str, *, at_most: int) -> bytes:
    """Gives what lies behind ``path`` of the API. Raises HostError, also for more than ``at_most`` bytes."""
    import httpx2

    try:
        with connection(access) as http:
            answer = http.get(f"{access.url}{path}", headers=token_headers(access))
            address = answer.headers.get("Location", "")
            if answer.status_code in {401, 403}:
                raise HostForbidden("GITHUB_TOKEN may not download artifacts", remedy="give the job actions: read")
            if answer.status_code != 302 or not _is_safe(address, is_local=is_loopback(access.url)):
                raise HostError(f"GitHub answered {answer.status_code} to a download", remedy="run it again later")
            return _body(http, address, at_most=at_most)
    except httpx2.RequestError as error:
        said = visible(str(error).replace(access.token, "***"))[:300]
        raise HostError(f"an artifact can't be downloaded: {said}", remedy="run it again later") from error


def _body(http: "httpx2.Client", address: str, *, at_most: int) -> bytes:
    content = bytearray()
    with http.stream("GET", address) as answer:
        if answer.status_code != 200:
            raise HostError(f"the storage answered {answer.status_code} to a download", remedy="run it again later")
        for part in answer.iter_bytes():
            content += part
            if len(content) > at_most:
                raise HostError(f"an artifact has more than {at_most >> 20} MiB: that is no plan")
    return bytes(content)


def _is_safe(address: str, *, is_local: bool) -> bool:
    return urlsplit(address).scheme == "https" or (is_local and is_loopback(address))
