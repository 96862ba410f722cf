"""A plan as people read it: a block of lines, with the SQL indented and no line too long."""

import re
from collections.abc import Iterator
from textwrap import dedent, wrap

from qupersync.interface.advice import one_line
from qupersync.interface.documents import Record
from qupersync.interface.text import visible

_LABEL, _INDENT, _CONTINUED = 10, "    ", "  "
# What stands between quotes stays together: a line break in it would be another text.
_WORDS = re.compile(r"""(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|\S)+""")


def block(plan: Record, width: int) -> str:
    """Return the plan of one job, as ``interface.plan.record`` gives it, with an empty line."""
    lines = [f"{plan['job']}: {plan['prospect']}"]
    for label, text in _facts(plan):
        indent = " " * (_LABEL + 2)
        first = f"  {label:{_LABEL}}"
        lines += wrap(
            visible(one_line(text)),
            width,
            initial_indent=first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    for label, sql in (("sql", plan["sql"]), ("merge", plan["merge"])):
        if sql:
            lines += [
                f"  {label}",
                *(_INDENT + line for line in _folded(sql, width - len(_INDENT))),
            ]
    return "\n".join(lines) + "\n\n"


def _facts(plan: Record) -> Iterator[tuple[str, str]]:
    pieces, rows = plan["pieces"], plan["estimated_rows"]
    low, high = plan["window_low"], plan["window_high"] or "the newest"
    is_snapshot = plan["mode"] == "snapshot"
    is_short = plan["sql"] and not (plan["merge"] or plan["error"])
    facts = {
        "error": plan["error"],
        "next": plan["next"],
        "window": f"{low} to {high}" if low else "",
        "why": plan["why"],
        "pieces": f"{pieces}, oldest first; the SQL is that of the first" if pieces > 1 else "",
        "rows": "" if rows is None else f"{rows} to read",
        "target": f"{plan['target']}, key ({', '.join(plan['key'])})",
        "path": f"{plan['path']}; {plan['path_reason']}" if plan["path"] else "",
        "batches": ""
        if is_snapshot or not plan["path"]
        else f"of up to {plan['batch_rows']} rows, each committed",
        "held by": plan["held_by"],
        "merge": f"to see it: qupersync plan {plan['job']}" if is_short else "",
    }
    yield from ((label, text) for label, text in facts.items() if text)
    yield from (("note", note) for note in plan["notes"])


def _folded(sql: str, width: int) -> Iterator[str]:
    for line in dedent(sql).strip().splitlines():
        # A comment reaches to the end of its line.
        is_whole = len(line) <= width or "--" in line
        yield from map(visible, [line] if is_whole else _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    indent = line[: len(line) - len(line.lstrip())]
    row = ""
    for word in _WORDS.findall(line):
        longer = f"{row} {word}" if row else indent + word
        if row and len(longer) > width:
            yield row
            longer = indent + _CONTINUED + word
        row = longer
    yield row
