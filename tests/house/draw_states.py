"""The diagram of a plugin's life in docs/plugin-life.md, drawn from the table itself.

``python tests/house/draw_states.py`` writes it; a test fails while the two differ.
"""

from __future__ import annotations

from pathlib import Path

from tulou.states import TRANSITIONS, State

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugin-life.md"

MEANING = {
    State.DISABLED: "known, and not to run",
    State.UNRESOLVED:
        "cannot start as things are: a missing provider, a cycle, a version; the reason says which",
    State.WAITING: "a plugin it requires is not up",
    State.STARTING: "between the call of `run` and its yield",
    State.RUNNING: "up",
    State.STOPPING: "dependents stop first, then what follows the yield runs",
    State.BACKOFF: "failed, to be started again after a pause",
    State.FAILED: "quarantined: not started again unless somebody asks",
    State.STOPPED: "ended in order with the app",
}


def page() -> str:
    """The whole page."""
    lines = ["# The life of a plugin", "",
             "Drawn from the table in `kernel/tulou/states.py` by `python tests/house/draw_states.py`.", "",
             "```mermaid", "stateDiagram-v2", "    [*] --> disabled"]
    for state, steps in TRANSITIONS.items():
        lines += [f"    {state.value} --> {after.value}: {step.value}" for step, after in steps.items()]
    lines += ["```", "", "| state | meaning |", "| --- | --- |"]
    lines += [f"| {state.value} | {MEANING[state]} |" for state in State]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
