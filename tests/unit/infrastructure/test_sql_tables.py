import pytest

from qupersync.infrastructure.sql_tables import tables_of


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 1", set()),
        ("SELECT * FROM STL_VACUUM", {("stl_vacuum",)}),
        ("SELECT * FROM shop.orders o JOIN shop.items USING (id)",
         {("shop", "orders"), ("shop", "items")}),
        ('SELECT * FROM "Shop"."Orders"', {("Shop", "Orders")}),
        ("SELECT * FROM other.shop.orders", {("other", "shop", "orders")}),
        ("SELECT * FROM a WHERE t >= :low AND id IN (SELECT id FROM b)", {("a",), ("b",)}),
        ("SELECT 1 FROM a UNION ALL SELECT 2 FROM b", {("a",), ("b",)}),
        ("WITH c AS (SELECT * FROM a) SELECT * FROM c", {("a",)}),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", {("a",)}),
        ("SELECT * FROM orders AS o, o.lines AS line", {("orders",)}),
    ],
)  # fmt: skip
def test_the_tables_of_a_query_are_those_that_it_does_not_define_itself(
    sql: str, tables: set[tuple[str, ...]]
):
    assert tables_of(sql) == tables


def test_sql_that_nobody_can_parse_is_said_to_be_so():
    with pytest.raises(ValueError, match="unknown to the parser"):
        tables_of("SELECT 1 FROM a WITHIN FOR EACH (")
