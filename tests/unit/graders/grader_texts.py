"""Graders as a client declares them."""

from typing import Any

CHECK: dict[str, Any] = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
FUZZY: dict[str, Any] = {
    "type": "text_similarity",
    "name": "close",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "evaluation_metric": "fuzzy_match",
}
SCORE: dict[str, Any] = {
    "type": "score_model",
    "name": "judged",
    "model": "gpt-4o-mini",
    "input": [
        {"role": "system", "content": "Score the answer from 0 to 1."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Answer: {{sample.output_text}}"},
                {"type": "output_text", "text": " Reference: {{item.meta.answer}}"},
            ],
        },
    ],
}
LABEL: dict[str, Any] = {
    "type": "label_model",
    "name": "polite",
    "model": "gpt-4o",
    "input": [{"role": "user", "content": {"type": "input_text", "text": "{{sample.output_text}}"}}],
    "labels": ["polite", "rude", "neither"],
    "passing_labels": ["polite", "neither"],
}
PYTHON: dict[str, Any] = {
    "type": "python",
    "name": "program",
    "source": "def grade(sample, item) -> float:\n    return 1.0\n",
}
MULTI: dict[str, Any] = {
    "type": "multi",
    "name": "both",
    "graders": {"exact": CHECK, "close": FUZZY},
    "calculate_output": "0.75 * exact + 0.25 * close",
}
