"""Models that are loaded and ready to answer.

Owns the memory they take: the ones used last stay, base models among them, up to a limit. A deleted model is taken off the
shelf at once. Knows which of them answer so quickly that a thread for it would only cost time.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from ftops.server import ids
from ftops.server.engines.interface import Accepts, Answer, Engine, Message, Model, Sampling, Tool, UnknownBase
from ftops.server.errors import damaged, model_not_found, place_of
from ftops.server.faults.retirement import Retirements
from ftops.server.storage import models
from ftops.server.storage.blobs import Blobs, DamagedBlob
from ftops.server.storage.database import Database

_LOG = logging.getLogger(__name__)

# Finding a thread takes a few tenths of a millisecond, and everybody can wait as long as this.
_QUICK_SECONDS = 0.002
# A busy machine makes some answers of every model late.
_SLOW_IN_A_ROW = 4
# Base models are everybody's.
_NO_PROJECT = ""


class Shelf:
    """Safe to use from any thread."""

    def __init__(
        self, *, database: Database, blobs: Blobs, engine: Engine, capacity: int, retirements: Retirements
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._engine = engine
        self._capacity = capacity
        self._retirements = retirements
        self._loaded: OrderedDict[tuple[str, str], _Timed] = OrderedDict()
        self._lock = threading.Lock()
        # Loading may take a while, and must neither happen twice nor put back a model that is deleted meanwhile.
        self._loading = threading.Lock()

    @property
    def engine_name(self) -> str:
        """Whose models these are."""
        return self._engine.name

    def take(self, name: str, *, project: str) -> Model:
        """A base model, or a project's own, loaded if need be.

        ``ApiError`` when there is none of this name, or its weights are damaged.
        """
        self._retirements.refuse(name)
        model = self._peek(name, project)
        if model is not None:
            return model
        with self._loading:
            model = self._peek(name, project)
            return self._load(name, project) if model is None else model

    def is_loaded(self, name: str, *, project: str) -> bool:
        """Whether a model is ready to answer."""
        return self._peek(name, project) is not None

    def require(self, name: str, project: str) -> None:
        """``ApiError`` when a project has no tuned model of this name, nor may there be a base model. Loads nothing."""
        if ids.is_base_model(name):
            return
        with self._database.read() as connection:
            if models.find(connection, name, project=project) is None:
                raise model_not_found(name, param=None)

    def is_quick(self, name: str, *, project: str) -> bool:
        """Whether a model is loaded and gave one of its last answers so quickly that the event loop may ask it."""
        model = self._peek(name, project)
        return model is not None and model.is_quick

    def forget(self, name: str, *, project: str) -> None:
        """Call it after a model was deleted."""
        with self._loading, self._lock:
            self._loaded.pop((project, name), None)

    def _peek(self, name: str, project: str) -> "_Timed | None":
        key = _key(name, project)
        with self._lock:
            model = self._loaded.get(key)
            if model is not None:
                self._loaded.move_to_end(key)
            return model

    def _load(self, name: str, project: str) -> Model:
        try:
            loaded = self._engine.load(name, None) if ids.is_base_model(name) else self._load_tuned(name, project)
        except UnknownBase as error:
            raise model_not_found(name, param=None) from error
        model = _Timed(loaded)
        with self._lock:
            self._loaded[_key(name, project)] = model
            while len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
        return model

    def _load_tuned(self, name: str, project: str) -> Model:
        with self._database.read() as connection:
            row = models.find(connection, name, project=project)
        if row is None:
            raise model_not_found(name, param=None)
        try:
            return self._engine.load(row.base, self._blobs.read(row.sha256))
        except (DamagedBlob, ValueError) as error:
            with self._database.read() as connection:
                if models.find(connection, name, project=project) is None:  # deleted between the two lines
                    raise model_not_found(name, param=None) from error
            _LOG.error("weights of %s can't be loaded: %s", name, place_of(error))
            raise damaged(f"The weights of the model `{name}` are", remedy="delete it and train it again") from error


def _key(name: str, project: str) -> tuple[str, str]:
    return (project if name.startswith("ft:") else _NO_PROJECT), name


class _Timed:
    """A model, and whether any of its last answers was quick. Nobody has to promise that: slow ones are found out."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._slow = _SLOW_IN_A_ROW

    @property
    def is_quick(self) -> bool:
        return self._slow < _SLOW_IN_A_ROW

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        began = time.perf_counter()
        answers = self._model.answer(messages, sampling, accepts, tools)
        self._slow = 0 if time.perf_counter() - began < _QUICK_SECONDS else self._slow + 1
        return answers
