"""``ftops eval NAME``: runs a fine-tune's evaluations against any model, and writes no ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json, python_grader_options
from ftops.cli.pair_options import PairWords, pair_options
from ftops.cli.signals import listening
from ftops.cli.style import echo, tell
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.application.judge_agreement import JudgeReport
    from ftops.application.trials import Tried
    from ftops.cli.trying import Result, Wanted
    from ftops.ports import ProgramMode

_NEW: Final = click.Path(dir_okay=False, path_type=Path)
_EXISTING: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("eval")
@click.argument("name", shell_complete=completing.fine_tunes)
@click.option(
    "--model", metavar="ID", help="The model to call; by default the declared revision's, else its base model."
)
@click.option(
    "--eval",
    "evals",
    metavar="NAME",
    multiple=True,
    help="Only this evaluation (repeatable).",
    shell_complete=completing.evals,
)
@click.option("--prompt", metavar="FILE", type=_EXISTING, help="Messages that replace the leading system messages.")
@click.option("--export-failures", metavar="FILE", type=_NEW, help="Write failed items as rows to train on.")
@click.option("--overwrite", is_flag=True, help="Replace the file that is written, where there is one already.")
@click.option(
    "--judge-agreement",
    "labels",
    metavar="FILE",
    type=_EXISTING,
    help="Only compare the evaluation's grader with people's labels.",
)
@pair_options
@click.option("--auto-approve", is_flag=True, help="Do not ask before calls that may cost something.")
@python_grader_options
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
    export_failures: Path | None,
    overwrite: bool,
    labels: Path | None,
    pairs: PairWords,
    auto_approve: bool,
    python_graders: "ProgramMode | None",
    as_json: bool,
    backend: str | None,
) -> int:
    """Run a fine-tune's evaluations against any model, also before anything was trained; record nothing.

    Answers are kept in .ftops/outputs: what is asked here is not asked again by an apply, and an interrupted run goes on
    where it stopped. Exit 4 where an enforced gate did not pass.

    \b
    Examples:
      ftops eval ticket-router
      ftops eval ticket-router --model gpt-4.1 --prompt prompts/long.json
      ftops eval ticket-router --export-failures failures.jsonl
      ftops eval ticket-router --export-pairs pairs.jsonl
    """
    if pairs.is_asking:
        from ftops.cli.eval_pairs import Asked, answer

        pairs.check(model=model, others=bool(prompt or export_failures or labels))
        asked = Asked(directory=context.directory, name=name, evals=evals, backend=backend, as_json=as_json)
        return answer(asked, pairs, overwrites=overwrite)
    from ftops.cli.eval_files import check_free
    from ftops.cli.trying import Wanted

    check_free(export_failures, overwrites=overwrite)
    if labels is not None and (model or prompt or export_failures):
        raise UsageProblem(
            "--judge-agreement asks the grader alone", remedy="leave --model, --prompt and --export-failures out"
        )
    wanted = Wanted(
        name=name,
        backend=backend,
        model=model,
        evals=evals,
        prompt=prompt,
        is_asking=not auto_approve,
        python_graders=python_graders,
    )
    if labels is not None:
        return _compare(context, wanted, labels, as_json=as_json)
    return _try(context, wanted, export_failures, overwrites=overwrite, as_json=as_json)


def _try(context: Globals, wanted: "Wanted", export: Path | None, *, overwrites: bool, as_json: bool) -> int:
    from ftops.cli.trying import opened_trial

    with listening() as ears:
        with opened_trial(context, wanted, ears.stop) as opened:
            result = opened.run(ears.underway, exports_failures=export is not None)
        # After the live rows are gone: what is printed would otherwise begin in one of them.
        return _print_result(result, export, overwrites=overwrites, as_json=as_json)


def _compare(context: Globals, wanted: "Wanted", labels: Path, *, as_json: bool) -> int:
    from ftops.cli.trying import opened_trial

    with listening() as ears:
        with opened_trial(context, wanted, ears.stop) as opened:
            compared = opened.compare_with_people(labels, ears.underway)
        return _print_agreement(compared, labels, as_json=as_json)


def _print_result(result: "Result | None", file: Path | None, *, overwrites: bool, as_json: bool) -> int:
    from ftops.cli.charts import drawn
    from ftops.cli.eval_files import write_failures
    from ftops.cli.render_evaluation import report_parts, report_to_json

    if result is None:
        tell("Nothing was called.")
        return 1
    if as_json:
        print_json(report_to_json(result, file))
    else:
        echo(drawn(report_parts(result)))
    if file is not None and result.export is not None:
        write_failures(file, result.export, overwrites=overwrites)
    return exit_code(result.tried)


def _print_agreement(report: "JudgeReport | None", file: Path, *, as_json: bool) -> int:
    from ftops.cli.charts import drawn
    from ftops.cli.render_agreement import agreement_parts, agreement_to_json

    if report is None:
        tell("Nothing was called.")
        return 1
    if as_json:
        print_json(agreement_to_json(report))
    else:
        echo(drawn(agreement_parts(report, file=str(file))))
    return 0 if report.agreement.count else 1


def exit_code(tried: "Tried") -> int:
    """Gives 0 where every enforced gate passed or there is none, 4 where one did not, 1 where scores are missing."""
    from ftops.domain.judgement import Verdict

    judgement = tried.judgement
    if judgement.has_gate and judgement.verdict is not Verdict.PASS:
        return 4
    return 1 if any(one.error is not None or not one.is_measured for one in judgement.evals) else 0
