"""A client of yaml-language-server: opens files as an editor does, and asks for completions, hovers and diagnostics.

The protocol: https://microsoft.github.io/language-server-protocol (3.17), over standard input and output.
"""

import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

SECONDS = 60.0


class LanguageServer:
    """The server as a process, for the files of one folder."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._folder = folder
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._last_id = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        settings = {"yaml": {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}}
        capabilities = {
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
                "hover": {"contentFormat": ["markdown"]},
            },
            "workspace": {"configuration": True},
        }
        self._settings = settings
        self.ask(
            "initialize",
            processId=None,
            rootUri=self._folder.as_uri(),
            workspaceFolders=[{"uri": self._folder.as_uri(), "name": "project"}],
            capabilities=capabilities,
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=settings)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def open(self, path: str, text: str) -> list[dict[str, Any]]:
        """Opens a file with this text, and gives what is wrong with it."""
        uri = (self._folder / path).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        found: list[dict[str, Any]] = self._wait_for(
            lambda said: said.get("method") == "textDocument/publishDiagnostics" and said["params"]["uri"] == uri
        )["params"]["diagnostics"]
        return found

    def completions(self, path: str, line: int, column: int) -> dict[str, str]:
        """Gives what may stand at a place (counted from 0), each with its documentation."""
        answer = self.ask("textDocument/completion", **self._place(path, line, column))
        items = answer if isinstance(answer, list) else answer["items"]
        return {item["label"]: _words(item.get("documentation")) for item in items}

    def hover(self, path: str, line: int, column: int) -> str:
        """Gives what is told about a place."""
        answer = self.ask("textDocument/hover", **self._place(path, line, column))
        return _words(answer["contents"]) if answer else ""

    def ask(self, method: str, **params: Any) -> Any:
        """Sends a request and gives its result."""
        self._last_id += 1
        asked = self._last_id
        self._send({"id": asked, "method": method, "params": params})
        answer = self._wait_for(lambda said: said.get("id") == asked and "method" not in said)
        assert "error" not in answer, answer
        return answer["result"]

    def _place(self, path: str, line: int, column: int) -> dict[str, Any]:
        return {
            "textDocument": {"uri": (self._folder / path).as_uri()},
            "position": {"line": line, "character": column},
        }

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _wait_for(self, is_it: Any) -> dict[str, Any]:
        while True:
            said = self._said.get(timeout=SECONDS)
            if is_it(said):
                return said
            if "id" in said and "method" in said:  # the server asks, too: for its settings
                self._send({"id": said["id"], "result": self._answer(said)})

    def _answer(self, said: dict[str, Any]) -> Any:
        if said["method"] == "workspace/configuration":
            return [self._settings.get(item.get("section")) for item in said["params"]["items"]]
        return None

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                line = stream.readline()
            if body := stream.read(length):
                self._said.put(json.loads(body))


def _words(contents: Any) -> str:
    if isinstance(contents, dict):
        return str(contents.get("value", ""))
    return "" if contents is None else str(contents)
