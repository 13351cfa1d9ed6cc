"""What exists at the server while requests are generated: so that they name real objects, in a state that allows something."""

from dataclasses import dataclass, field
from typing import Any

from schemathesis import Case
from world import BASE, QUESTION, ROWS, World, batch_line, supervised

KEPT = 3  # real objects of each kind that are never deleted
_KINDS = {
    "file_id": "file",
    "fine_tuning_job_id": "fine_tuning.job",
    "model": "model",
    "upload_id": "upload",
    "batch_id": "batch",
}
# The states in which an action does something, as the last answer told them: what was pausing then has paused by now.
_WANTED = {
    "/fine_tuning/jobs/{fine_tuning_job_id}/pause": ("running",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/resume": ("paused", "pausing"),
    "/uploads/{upload_id}/parts": ("pending",),
    "/uploads/{upload_id}/complete": ("ready",),
    "/uploads/{upload_id}/cancel": ("pending",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/cancel": ("running", "paused", "queued"),
    "/batches/{batch_id}/cancel": ("cancelled",),  # once more does no harm
}
_READY = 25  # uploads that wait to be completed
_TRAINED = 10  # jobs that have ended and left models to delete
# What a request must have, and the kind of object that it may name there.
_REQUIRED: dict[str, dict[str, str]] = {
    "post /files": {"file": "", "purpose": ""},
    "post /uploads/{upload_id}/complete": {"part_ids": ""},
    "post /fine_tuning/jobs": {"model": "model", "training_file": "file fine-tune"},
    "post /chat/completions": {"model": "model", "messages": ""},
    "post /batches": {"input_file_id": "file batch", "endpoint": "", "completion_window": ""},
    "post /uploads": {"filename": "", "bytes": "", "mime_type": "", "purpose": ""},
    "post /fine_tuning/alpha/graders/run": {"grader": "", "model_sample": ""},
    "post /fine_tuning/alpha/graders/validate": {"grader": ""},
}
_SAME = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.colour}}",
    "operation": "ilike",
}
_ALIKE = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "blue",
    "evaluation_metric": "rouge_l",
}
# Whole ones: generated graders fit the document, and yet say nothing that makes sense.
_GRADERS: tuple[Any, ...] = (
    _SAME,
    _ALIKE,
    {"type": "multi", "name": "both", "graders": {"same": _SAME, "alike": _ALIKE}, "calculate_output": "same + alike"},
    {
        "type": "score_model",
        "name": "judge",
        "model": BASE,
        "input": [{"role": "user", "content": "How good is {{sample.output_text}}?"}],
        "range": [0, 1],
    },
)
_PART = b'{"custom_id": "a"}\n'


@dataclass(eq=False)
class Objects:
    """Ids of what answers have told of, by the type of object alone, and with its purpose or status."""

    by_kind: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    """The first part of each upload."""

    def note(self, body: Any) -> None:
        """Remembers what an answer has made known; forgets what it says is deleted."""
        for each in body.get("data", [body]) if isinstance(body, dict) else ():
            if isinstance(each, dict) and "id" in each and "object" in each:
                self._note(each)

    def _note(self, told: dict[str, Any]) -> None:
        kind, name = told["object"], told["id"]
        for others in self.by_kind.values():
            if name in others:
                others.remove(name)
        if told.get("deleted"):
            return
        for each in (kind, f"{kind} {told.get('purpose')}", f"{kind} {told.get('status')}"):
            self.by_kind.setdefault(each, []).append(name)
        if kind == "upload.part":
            self.parts.setdefault(told["upload_id"], name)

    def place(self, case: Case, luck: int, choice: int) -> None:
        """Puts the id of an object that exists into most requests: of ids made up, one would learn the answer 404 alone."""
        for parameter in case.path_parameters or {}:
            kind = _KINDS[parameter]
            wanted = [each for state in _WANTED.get(case.path, ()) for each in self.by_kind.get(f"{kind} {state}", [])]
            if case.method == "DELETE" and kind == "model":
                wanted = [each for each in self.by_kind["model"][KEPT:] if each.startswith("ft:")]
            known = (wanted if luck < 70 else []) or self.by_kind.get(kind, [])[
                KEPT if case.method == "DELETE" else 0 :
            ]
            if known and luck < 85:
                case.path_parameters[parameter] = known[choice % len(known)]

    def shape(self, name: str, case: Case, luck: int, choices: tuple[int, ...]) -> None:
        """Brings most valid requests nearer to what the server carries out: few options, and objects that exist."""
        required = _REQUIRED.get(name)
        if required is None or luck >= 80:
            return
        options = sorted(set(case.body) - set(required))
        kept = {options[each % len(options)] for each in choices[:2]} if options and luck < 40 else set()
        body = {key: value for key, value in case.body.items() if key in required or key in kept}
        for key, kind in required.items():
            real = self.by_kind.get(kind, [])[: 2 * KEPT]
            if real:
                body[key] = real[choices[2] % len(real)]
        if "file" in required:
            body["file"] = _PART
        if "grader" in required:
            body["grader"] = _GRADERS[choices[2] % len(_GRADERS)]
        if "messages" in required and luck < 60:
            body["messages"] = QUESTION
        if "endpoint" in required:
            body["endpoint"] = "/v1/chat/completions"
        if "part_ids" in required:
            body["part_ids"] = [self.parts.get(case.path_parameters["upload_id"], "part_none")]
        case.body = body


def populate(world: World) -> Objects:
    """Makes a few of everything: files, jobs that have ended and jobs that run, models, uploads with a part each."""
    objects = Objects()
    short = [world.job(method=supervised(n_epochs=3, batch_size=12)) for _ in range(_TRAINED)]
    for job in short:
        world.finished(job)
    for _ in range(KEPT):
        world.ended_batch(world.batch([batch_line("a")]))
        # As long as all of the requests take, wherever they are sent.
        world.reached(world.job(ROWS * 25, method=supervised(n_epochs=50, batch_size=1)), "running")
    for _ in range(_READY):
        upload = {"filename": "a.txt", "bytes": len(_PART), "mime_type": "text/plain", "purpose": "assistants"}
        made = world.bare.post("/uploads", json=upload).json()
        objects.note(world.bare.post(f"/uploads/{made['id']}/parts", files={"data": _PART}).json())
        objects.note(made)
        objects.by_kind.setdefault("upload ready", []).append(made["id"])
    world.sdk.batches.cancel(world.batch([batch_line(str(number), n=128) for number in range(200)]))
    for path in ("/files", "/fine_tuning/jobs", "/models", "/batches"):
        objects.note(world.bare.get(path).json())
    objects.by_kind["model"].reverse()  # tuned ones first
    return objects
