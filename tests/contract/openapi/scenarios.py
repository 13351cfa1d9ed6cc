"""The lives that objects have at the server, from creation to their end, with what is refused on the way.

Each scenario is a function that takes a world and asserts only what makes it the scenario that it says it is: whether answers
conform is judged by the world's recorder, all of them. One for a further route belongs into ``SCENARIOS``.
"""

import re
from collections.abc import Callable

import scenarios_of_files
import scenarios_of_jobs
import scenarios_of_models
from refusals import REFUSALS
from world import World


def refused_queries(world: World) -> None:
    """No operation takes a parameter that it doesn't know, whatever it acts on."""
    for operation in REFUSALS:
        method, _, path = operation.partition(" ")
        at = re.sub("{.*?}", "none", path.replace("{fine_tuning_job_id}", world.trained.id))
        world.refused(400, method.upper(), at, params={"colour": "red"})


SCENARIOS: tuple[Callable[[World], None], ...] = (
    scenarios_of_files.files,
    scenarios_of_files.refused_files,
    scenarios_of_files.uploads,
    scenarios_of_files.no_batches,
    scenarios_of_files.batches,
    scenarios_of_jobs.supervised_job,
    scenarios_of_jobs.preference_job,
    scenarios_of_jobs.reinforcement_job,
    scenarios_of_jobs.jobs_of_every_status,
    scenarios_of_jobs.paused_job,
    scenarios_of_jobs.refused_jobs,
    scenarios_of_jobs.graders,
    scenarios_of_models.models,
    scenarios_of_models.chat,
    scenarios_of_models.streamed_chat,
    scenarios_of_models.formed_chat,
    scenarios_of_models.learnt_tool_calls,
    scenarios_of_models.refused_chats,
    scenarios_of_models.nowhere,
    refused_queries,
)
