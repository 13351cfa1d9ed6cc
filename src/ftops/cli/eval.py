"""``ftops eval NAME``: runs a fine-tune's evaluations against any model, and writes no ledger."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.signals import listening
from ftops.cli.style import tell

if TYPE_CHECKING:
    from ftops.application.trials import Tried

_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("eval")
@click.argument("name")
@click.option(
    "--model", metavar="ID", help="The model to call; by default the declared revision's, else its base model."
)
@click.option("--eval", "evals", metavar="NAME", multiple=True, help="Only this evaluation (repeatable).")
@click.option("--prompt", metavar="FILE", type=_EXISTING, help="Messages that replace the leading system messages.")
@click.option("--auto-approve", is_flag=True, help="Do not ask before calls that may cost something.")
@json_option
@backend_option
@click.pass_obj
def command(
    context: Globals,
    *,
    name: str,
    model: str | None,
    evals: tuple[str, ...],
    prompt: Path | None,
    auto_approve: bool,
    as_json: bool,
    backend: str | None,
) -> int:
    """Run a fine-tune's evaluations against any model, also before anything was trained; record nothing.

    Answers are kept in .ftops/outputs: what is asked here is not asked again by an apply, and an interrupted run goes on
    where it stopped. Exit 4 where an enforced gate did not pass.

    \b
    Examples:
      ftops eval ticket-router
      ftops eval ticket-router --model gpt-4.1-2025-04-14 --prompt prompts/long.json
    """
    from ftops.cli.render_evaluation import report_parts, report_to_json
    from ftops.cli.trying import opened_trial

    with listening() as ears:
        with opened_trial(
            context, name, backend=backend, model=model, evals=evals, prompt=prompt, stop=ears.stop
        ) as opened:
            if not opened.is_approved(is_asking=not auto_approve):
                tell("Nothing was called.")
                return 1
            with ears.underway():
                tried = opened.run()
        if as_json:
            print_json(report_to_json(tried))
        else:
            from ftops.cli.charts import drawn
            from ftops.cli.style import echo

            echo(drawn(report_parts(tried)))
    return exit_code(tried)


def exit_code(tried: "Tried") -> int:
    """Gives 0 where every enforced gate passed or there is none, 4 where one did not, 1 where scores are missing."""
    from ftops.domain.judgement import Verdict

    judgement = tried.judgement
    if judgement.has_gate and judgement.verdict is not Verdict.PASS:
        return 4
    return 1 if any(one.error is not None or not one.is_measured for one in judgement.evals) else 0
