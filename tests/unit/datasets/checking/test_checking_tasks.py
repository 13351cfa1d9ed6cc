"""Several tasks in one file, and prompts and tools that differ between training and evaluation."""

from checking_kit import chat, found_beside, found_in, pair
from ftops.datasets.checking.tasks import Tasks
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use

TASKS = Tasks()
SORT = "You sort messages of customers into the right queue."
SUM_UP = "Sum the text up in one sentence."


def rows(system: str | None, count: int, **more: object) -> list[dict]:
    return [chat(f"question {number}", "answer", system=system, **more) for number in range(count)]


def tool(name: str, **properties: str) -> dict:
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def told(found: tuple[Found, ...]) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, one.says) for one in found]


def test_one_prompt_and_one_set_of_tools_are_one_task() -> None:
    assert found_in(TASKS, rows(SORT, 20, tools=[tool("route")])) == ()
    assert found_in(TASKS, rows(None, 20)) == ()
    assert found_in(TASKS, []) == ()


def test_several_system_prompts_are_several_tasks() -> None:
    found = found_in(TASKS, [*rows(SORT, 15), *rows(SUM_UP, 25), *rows(None, 10)])
    says = (
        "3 different system prompts: 50% the system prompt 'Sum the text up in one sentence.' (line 16), "
        "30% the system prompt 'You sort messages of customers into the…' (line 1), 20% no system prompt (line 41)"
    )
    assert told(found) == [("D112", 1, says)]
    assert found_in(TASKS, [*rows(SORT, 15), *rows(SUM_UP, 25)], Use.EVALUATION) == ()


def test_a_slip_is_no_task() -> None:
    assert found_in(TASKS, [*rows(SORT, 98), *rows(SUM_UP, 2)]) == ()
    assert found_in(TASKS, [*rows(SORT, 10), *rows(SUM_UP, 2)]) == ()
    assert len(found_in(TASKS, [*rows(SORT, 10), *rows(SUM_UP, 3)])) == 1


def test_a_template_is_one_prompt() -> None:
    dated = [chat("?", "!", system=f"{SORT} Today is 2026-01-{day:02}.") for day in range(1, 29)]
    assert found_in(TASKS, dated) == ()
    found = found_in(TASKS, [*dated, *rows(SUM_UP, 28)])
    assert [one.says[:30] for one in found] == ["2 different system prompts: 50"]


def test_prompts_that_all_differ_are_no_tasks() -> None:
    documents = [chat("?", "!", system=" ".join(f"w{n * 7 + m * m}" for m in range(9))) for n in range(100)]
    assert found_in(TASKS, documents) == ()
    assert found_beside(TASKS, documents, rows(SORT, 5)) == ()


def test_several_sets_of_tools_are_several_tasks() -> None:
    banking, travel = [tool("pay"), tool("balance")], [tool("book"), tool("cancel")]
    found = found_in(TASKS, [*rows(SORT, 10, tools=banking), *rows(SORT, 5, tools=travel), *rows(SORT, 5)])
    assert told(found) == [
        ("D112", 11, "2 different sets of tools: 50% 'balance', 'pay' (line 1), 25% 'book', 'cancel' (line 11)")
    ]
    assert found_in(TASKS, [*rows(SORT, 10, tools=banking), *rows(SORT, 10, tools=banking[:1])]) == ()
    each_its_own = [chat("?", "!", tools=[tool(f"tool_{number}")]) for number in range(60)]
    assert found_in(TASKS, each_its_own) == ()


def test_a_large_file_is_known_by_a_sample() -> None:
    halves = [chat("?", "!", system=SORT if number % 2 else SUM_UP) for number in range(5_000)]
    (one,) = found_in(TASKS, halves)
    assert one.code == "D112"
    share = int(one.says.partition(": ")[2].partition("%")[0])
    assert 50 <= share <= 54


def test_another_system_prompt_than_in_training_is_told_with_the_difference() -> None:
    other = [*rows(SORT.replace("the right queue", "one queue"), 2), *rows(SORT, 2)]
    (one,) = found_beside(TASKS, rows(SORT, 20), other, other_use=Use.EVALUATION)
    assert (one.code, one.line) == ("D113", 1)
    assert one.says == (
        "50% of the rows have the system prompt 'You sort messages of customers into one…', where training has "
        "the system prompt 'You sort messages of customers into the…'; the difference: 'one' for 'the right'"
    )
    assert found_beside(TASKS, rows(SORT, 20), rows(f"  {SORT}\n", 2)) == ()
    assert found_beside(TASKS, rows(SORT, 20), []) == ()
    assert found_beside(TASKS, [], rows(SORT, 20)) == ()


def test_the_difference_is_told_in_words_added_and_left_out() -> None:
    def difference(before: str, after: str) -> str:
        (one,) = found_beside(TASKS, rows(before, 5), rows(after, 5))
        return one.says.partition("; ")[2]

    assert difference(SORT, f"{SORT} Be brief.") == "the difference: 'Be brief.' added"
    assert difference(SORT, SORT.replace("of customers ", "")) == "the difference: 'of customers' left out"
    assert difference(SORT, SORT.replace(" ", "  ")) == "they differ in blanks"
    long = "word " * 400
    assert difference(f"{long} end", f"{long} another end") == "they differ after 1,000 characters"
    assert difference(SORT, SUM_UP) == ""
    many = difference("a 1 b 1 c 1 d 1 e 1", "a 2 b 2 c 2 d 2 e 2")
    assert many == "the difference: '2' for '1', '2' for '1', '2' for '1', 2 more"


def test_no_system_prompt_is_another_one() -> None:
    (one,) = found_beside(TASKS, rows(SORT, 5), rows(None, 5))
    assert one.says == (
        "100% of the rows have no system prompt, where training has the system prompt "
        "'You sort messages of customers into the…'"
    )
    (one,) = found_beside(TASKS, rows(None, 5), rows(SORT, 5))
    assert one.says.endswith("where training has no system prompt")


def test_a_template_of_training_may_be_filled_in_differently() -> None:
    train = [chat("?", "!", system=f"{SORT} Today is 2026-01-{day:02}.") for day in range(1, 29)]
    assert found_beside(TASKS, train, rows(f"{SORT} Today is 2027-05-03.", 3)) == ()
    assert len(found_beside(TASKS, train, rows(SUM_UP, 3))) == 1


def test_tools_that_only_one_file_has_are_told() -> None:
    train = rows(SORT, 10, tools=[tool("pay", amount="number"), tool("balance")])
    other = rows(SORT, 10, tools=[tool("pay", amount="string"), tool("refund")])
    assert told(found_beside(TASKS, train, other)) == [
        ("D114", 0, "no row offers 'balance', on which the model is trained"),
        ("D114", 0, "offers 'refund', on which the model isn't trained"),
        ("D114", 0, "offers 'pay' with other parameters than training"),
    ]
    assert found_beside(TASKS, train, train) == ()
    assert told(found_beside(TASKS, train, rows(SORT, 3))) == [
        ("D114", 0, "no row offers 'balance', 'pay', on which the model is trained")
    ]


def test_tools_of_few_rows_are_no_mismatch() -> None:
    train = [chat("?", "!", tools=[tool(f"tool_{number}")]) for number in range(60)]
    other = [chat("?", "!", tools=[tool(f"tool_{number}")]) for number in range(50, 100)]
    assert found_beside(TASKS, train, other) == ()


def test_an_empty_list_of_tools_is_none() -> None:
    assert found_beside(TASKS, rows(SORT, 3, tools=[]), [*rows(SORT, 3, tools=None), *rows(SORT, 3)]) == ()


def test_parameters_are_equal_whatever_the_order_of_their_keys() -> None:
    turned = {"function": {"parameters": {"properties": {}, "type": "object"}, "name": "pay"}, "type": "function"}
    assert found_beside(TASKS, rows(SORT, 3, tools=[tool("pay")]), rows(SORT, 3, tools=[turned])) == ()


def test_preference_rows_are_compared_by_their_input() -> None:
    train = [pair("Say it", "good", "bad")] * 5
    found = found_beside(TASKS, train, rows(SORT, 5), Use.DPO, other_use=Use.EVALUATION)
    assert [one.code for one in found] == ["D113"]


def test_an_input_that_an_evaluation_states_counts_in_place_of_its_rows() -> None:
    train, free = rows(SORT, 5, tools=[tool("pay")]), [{"q": "Where?"}] * 3

    def beside(*systems: str) -> list[tuple[str, int, str]]:
        return told(found_beside(TASKS, train, free, other_use=Use.FREE, systems=systems))

    assert beside() == beside(f" {SORT}") == []
    says = "the evaluation's input has no system prompt, where training has the system prompt 'You sort messages of"
    ((code, line, said),) = beside(SORT, "")
    assert (code, line, said[: len(says)]) == ("D113", 1, says)
