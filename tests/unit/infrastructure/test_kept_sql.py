"""A statement is composed once for its arguments, and not for ever."""

from psycopg.sql import SQL, Composed, Identifier

from qupersync.infrastructure.postgres.kept_sql import MOST_KEPT, kept


class Statements:
    def __init__(self) -> None:
        self.composed: list[int] = []

    @kept
    def at(self, place: int, *, name: str = "a%b{}") -> Composed:
        self.composed.append(place)
        return SQL("SELECT {} {}").format(Identifier(name), place)


def test_a_statement_is_composed_once_for_its_arguments():
    sql = Statements()

    assert [sql.at(place).as_string(None) for place in (1, 2, 1)] == [
        f'SELECT "a%b{{}}" {place}' for place in (1, 2, 1)
    ]
    assert sql.at(1) is sql.at(1)
    assert sql.at(1, name="b").as_string(None) == 'SELECT "b" 1'
    assert sql.composed == [1, 2, 1]


def test_each_object_keeps_its_own():
    assert Statements().at(1) is not Statements().at(1)


def test_no_more_than_a_few_are_kept():
    sql = Statements()
    for place in range(MOST_KEPT + 1):
        sql.at(place)

    assert len(sql.__dict__["_kept"]) == 1
