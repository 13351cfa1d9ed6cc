"""What jobs leave behind, and the bodies that ask for them."""

import base64
import csv
import io
from typing import Any

from server_in_process import Server

JOBS = "/v1/fine_tuning/jobs"


def supervised(**hyperparameters: Any) -> dict[str, Any]:
    return {"method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}}


def csv_of(server: Server, job: Any) -> list[list[str]]:
    (file_id,) = job["result_files"]
    encoded = server.ask("GET", f"/v1/files/{file_id}/content").content
    return list(csv.reader(io.StringIO(base64.b64decode(encoded, validate=True).decode())))


def weights_of(server: Server, job: Any) -> list[str]:
    """The digests of the models that a job made, oldest first."""
    with server.service.database.read() as connection:
        rows = connection.execute("SELECT sha256 FROM models WHERE job = ? ORDER BY seq", (job["id"],)).fetchall()
    return [row[0] for row in rows]


def blobs_of(server: Server) -> set[str]:
    return {path.name for path in (server.settings.data_dir / "blobs").glob("*/*")}
