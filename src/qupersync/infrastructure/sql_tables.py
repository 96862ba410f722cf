"""Which tables and views of the source a job's SQL reads."""

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

SourceTable = tuple[str, ...]


def tables_of(sql: str) -> frozenset[SourceTable]:
    """Return the tables and views that a text reads, each as the parts of its name.

    Names without quotes are in lower case; what the text itself defines (WITH) is left out.

    Raises:
        ValueError: the text is valid for Redshift, perhaps, but unknown to the parser.
    """
    try:
        tree = Redshift().parse(sql)[0]
        scopes = traverse_scope(tree) if isinstance(tree, exp.Query) else []
    except (SqlglotError, RecursionError):
        scopes = []
    if not scopes:
        raise ValueError("its SQL is unknown to the parser")
    return frozenset(
        tuple(_folded(part) for part in source.parts)
        for scope in scopes
        for source in scope.sources.values()
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier)
    )


def _folded(part: exp.Expr) -> str:
    return part.name if part.args.get("quoted") else part.name.lower()
