"""What evaluations are made of, as files of the work tree: rows of datasets and the text of prompts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.project_paths import PathRefused, file_inside
from ftops.domain.desired import Dataset
from ftops.errors import Stale


class EvaluationFiles:
    """Fits ``application.evaluate.EvaluationFiles``. What is read is what was planned: digests are checked."""

    def __init__(self, root: Path, datasets: DatasetFiles) -> None:
        self._root = root
        self._datasets = datasets

    def rows(self, dataset: Dataset) -> Sequence[Mapping[str, Any]]:
        """Gives a dataset's rows in their order. Raises Stale where the file has changed since it was planned."""
        return tuple(self.each_row(dataset))

    def each_row(self, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
        """Gives the same rows one after the other. Raises Stale at the first one."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        with self._datasets.content(dataset) as content:
            for line in content:
                if line.strip():
                    yield decode(line)

    def text(self, path: str) -> str:
        """Gives a prompt file's text. Raises Stale where it can't be read any more."""
        try:
            return (self._root / file_inside(self._root, self._root, path)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, PathRefused) as error:
            raise Stale(f"{path} can't be read: it was there when the manifests were checked") from error
