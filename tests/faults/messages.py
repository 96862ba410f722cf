"""What to look for among the messages of a run to the target."""

from typing import Any

from tests.faults.proxy import Message

STAGES = ("qupersync_stage", "qupersync_raw")


def commit_of_batch(*, answered: bool) -> Any:
    """Look for the COMMIT of a batch: before the server has it, or once it has answered."""
    return commit_of("batch_seq = batch_seq + 1", answered=answered)


def commit_of(statement: str, *, answered: bool) -> Any:
    """Look for the COMMIT of a transaction with a statement that contains this."""
    within = set()

    def looks_for(message: Message) -> bool:
        if message.begins and statement in message.text:
            within.add(message.session)
        found = message.session in within and message.text == "COMMIT"
        found = found and (message.begins if not answered else message.kind == b"C")
        if found:
            within.remove(message.session)
        return found

    return looks_for


def in_a_batch(message: Message) -> bool:
    """Tell whether a request begins that deals with staged rows, on whichever path."""
    return message.begins and any(table in message.text for table in STAGES)


def over_the_spare() -> Any:
    """Look for requests that deal with raw rows over the second connection of a run."""
    first: list[int] = []

    def looks_for(message: Message) -> bool:
        is_raw = in_a_batch(message)
        if is_raw and not first:
            first.append(message.session)
        return is_raw and message.session not in first

    return looks_for
