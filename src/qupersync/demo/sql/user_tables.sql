-- A small web shop: the tables that the catalog views are about.
CREATE SCHEMA shop;
CREATE SCHEMA archive;

CREATE TABLE shop.customers (
    id integer PRIMARY KEY, name varchar(80) NOT NULL, country char(2), joined_on date
);
CREATE TABLE shop.orders (
    id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric(12, 2), placed_at timestamp
);
CREATE TABLE shop.page_views (url varchar(2000), viewed_at timestamp, seconds real, is_bot boolean);
CREATE TABLE shop."order" ("select" integer, "Größe €" varchar(20), "it's ""quoted""; --" text);
CREATE TABLE shop.daily_totals (day date NOT NULL, total numeric(38, 18));
CREATE TABLE archive.orders (LIKE shop.orders);
CREATE VIEW shop.open_orders AS SELECT id, total FROM shop.orders WHERE total IS NULL;

INSERT INTO shop.customers
SELECT n, 'Customer ' || n, (ARRAY['DE', 'FR', 'JP', 'US'])[1 + n % 4], date '2020-01-01' + n
FROM generate_series(1, 1000) AS n;
INSERT INTO shop.orders
SELECT n, 1 + n % 1000, nullif(n % 997, 0) / 7.0, timestamp '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 5000) AS n;
INSERT INTO shop.page_views
SELECT '/product/' || n % 50, timestamp '2026-01-01' + n * interval '1 second', n % 60, n % 9 = 0
FROM generate_series(1, 8000) AS n;
INSERT INTO shop."order" VALUES (1, 'groß', 'O''Brien; 100 % -- 🚚');
INSERT INTO archive.orders SELECT * FROM shop.orders WHERE id <= 500;
-- shop.daily_totals stays empty, as after a TRUNCATE.

-- What Redshift's catalog knows of a column and PostgreSQL's does not.
CREATE TABLE standin.column_design (
    table_id oid, column_name name, is_distkey boolean, sortkey_position integer, encoding smallint
);
INSERT INTO standin.column_design VALUES
    ('shop.customers'::regclass, 'id', true, 1, 0),
    ('shop.customers'::regclass, 'name', false, 0, 20),
    ('shop.orders'::regclass, 'customer_id', true, 0, 22),
    ('shop.orders'::regclass, 'placed_at', false, 1, 0),
    ('shop.orders'::regclass, 'total', false, 0, 22),
    ('shop.page_views'::regclass, 'viewed_at', false, 1, 0),
    ('shop.page_views'::regclass, 'url', false, -2, 128),
    ('archive.orders'::regclass, 'customer_id', true, 0, 22);

-- The tables that the logs speak of; the last two are in no catalog that a client can see.
CREATE TABLE standin.logged_table (
    no integer, table_id integer, database_name text, schema_name text, table_name text
);
INSERT INTO standin.logged_table VALUES
    (0, 'shop.orders'::regclass::oid::integer, current_database(), 'shop', 'orders'),
    (1, 'shop.customers'::regclass::oid::integer, current_database(), 'shop', 'customers'),
    (2, 'shop.page_views'::regclass::oid::integer, current_database(), 'shop', 'page_views'),
    (3, 'archive.orders'::regclass::oid::integer, current_database(), 'archive', 'orders'),
    (4, 2000000001, current_database(), 'shop', 'dropped_since'),
    (5, 2000000002, 'analytics', 'public', 'clicks');
