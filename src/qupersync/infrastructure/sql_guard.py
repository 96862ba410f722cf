"""The guard that lets one SELECT pass; it reads SQL and never rewrites it."""

import logging
import re
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

_WRITES = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command)
# What is closed comes first, so that the sign that opens what is not stays over.
_OPENED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*+'|"(?:[^"]|"")*+"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1"""
    r"""|(?P<sign>'|"|/\*|\$\w*\$)""",
    re.DOTALL,
)

# It reports here what it does not know, with the SQL in it; check_sql says it better.
logging.getLogger("sqlglot").disabled = True


@dataclass(frozen=True, slots=True, order=True)
class SqlProblem:
    """What is wrong with a text, and where in it (1-based); a warning stops nothing."""

    line: int
    column: int
    message: str
    is_warning: bool = False


def check_sql(sql: str) -> list[SqlProblem]:
    """Return why the text is not one statement that only reads.

    Some SQL is valid in Redshift and yet unknown to the parser; then one statement that starts
    with SELECT or WITH and has no INTO is let through with a warning.
    """
    try:
        tokens = Redshift().tokenize(sql)
    except TokenError:
        return [_unclosed(sql)]
    if not tokens:
        return [SqlProblem(1, 1, "the SQL is empty")]
    return _shape_problems(sql, tokens) or _tree_problems(sql, tokens)


def single_statement(sql: str) -> str:
    """Return the text up to the semicolon that ends it, for ``DECLARE ... CURSOR FOR <text>``.

    Expects a text in which ``check_sql`` found no more than warnings.
    """
    ends = (t.start for t in Redshift().tokenize(sql) if t.token_type is TokenType.SEMICOLON)
    return sql[: next(ends, len(sql))]


def _unclosed(sql: str) -> SqlProblem:
    signs = (match for match in _OPENED.finditer(sql) if match["sign"])
    if sign := next(signs, None):
        return _problem(sql, sign.start(), f"{sign[0]} is opened here and never closed")
    return SqlProblem(1, 1, "the SQL cannot be read: is a quote or a comment not closed?")


def _shape_problems(sql: str, tokens: list[Token]) -> list[SqlProblem]:
    problems = []
    first = next((t for t in tokens if t.token_type is not TokenType.L_PAREN), tokens[0])
    if first.token_type not in {TokenType.SELECT, TokenType.WITH}:
        message = f"expected one SELECT (or WITH ... SELECT), not {first.text.upper()}"
        problems.append(_problem(sql, first.start, message))
    is_over = False
    for token in tokens:
        is_end = token.token_type is TokenType.SEMICOLON
        if is_over and not is_end:
            message = "a second statement starts here; only one may"
            problems.append(_problem(sql, token.start, message))
            break
        is_over = is_over or is_end
    return problems


def _tree_problems(sql: str, tokens: list[Token]) -> list[SqlProblem]:
    try:
        tree = Redshift().parse(single_statement(sql))[0]
    except (ParseError, RecursionError) as error:
        return _unparsed_problems(sql, tokens, error)
    keywords = dict.fromkeys(_keyword(node) for node in tree.find_all(*_WRITES)) if tree else {}
    if not keywords and not isinstance(tree, exp.Query):
        return [SqlProblem(1, 1, "expected one SELECT (or WITH ... SELECT), not an expression")]
    return [
        _problem(sql, token.start, f"the SQL must only read; {word} is not allowed")
        for word in keywords
        for token in [next((t for t in tokens if t.text.upper() == word), tokens[0])]
    ]


def _keyword(node: exp.Expr) -> str:
    return "FOR" if isinstance(node, exp.Lock) else node.key.upper()


def _unparsed_problems(
    sql: str, tokens: list[Token], error: ParseError | RecursionError
) -> list[SqlProblem]:
    for token in tokens:
        if token.token_type is TokenType.INTO:
            return [_problem(sql, token.start, "the SQL must only read; INTO is not allowed")]
    place = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    end, word = place.get("col") or 1, place.get("highlight") or "."
    column = max(1, end + 1 - len(word))  # the parser tells where the word ends
    message = "not checked from here on: unknown syntax; Redshift itself will tell"
    return [SqlProblem(place.get("line") or 1, column, message, is_warning=True)]


def _problem(sql: str, start: int, message: str) -> SqlProblem:
    line = sql.count("\n", 0, start) + 1
    return SqlProblem(line, start - sql.rfind("\n", 0, start), message)
