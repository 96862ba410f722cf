-- The two schemas: `rs` holds what a client sees, `standin` the events behind it.
CREATE SCHEMA rs;
CREATE SCHEMA standin;

-- The one row that everything is generated from; "now" is UTC without a zone, as in Redshift.
CREATE TABLE standin.knobs (
    seed bigint NOT NULL, rows integer NOT NULL, now timestamp NOT NULL,
    built_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Nothing is logged after this: runs in the minutes after "now" all see the same logs.
    logs_end timestamp NOT NULL GENERATED ALWAYS AS (now - interval '5 minutes') STORED
);

-- Who was given ALTER USER ... SYSLOG ACCESS UNRESTRICTED; superusers need it not.
CREATE TABLE standin.syslog_access (user_name name PRIMARY KEY);
-- The one row of who asks; without sees_all the logs show a user only what is its own.
CREATE VIEW standin.viewer AS
SELECT usesysid::integer AS viewer_id,
    usesuper OR usename IN (SELECT user_name FROM standin.syslog_access) AS sees_all
FROM pg_catalog.pg_user WHERE usename = current_user;
GRANT USAGE ON SCHEMA rs TO PUBLIC;
GRANT SELECT ON standin.knobs TO PUBLIC;                -- getdate() runs with its caller's rights

-- Redshift's functions that PostgreSQL lacks. The clock runs on from "now", so that a warehouse
-- of any date has its logs in the past week.
CREATE FUNCTION rs.getdate() RETURNS timestamp LANGUAGE sql STABLE
    RETURN (SELECT now + (statement_timestamp() - built_at) FROM standin.knobs);
CREATE FUNCTION rs.nvl(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
    AS 'SELECT coalesce($1, $2)';
CREATE FUNCTION rs.len(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT RETURN length($1);
-- Of the bases only 16, which is the one that hashes are written in.
CREATE FUNCTION rs.strtol(text, base integer) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE base WHEN 16 THEN ('x' || lpad($1, 16, '0'))::bit(64)::bigint END;

-- Two bytes of a hash as a fraction of one.
CREATE FUNCTION standin.share(dice bytea, at integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    RETURN (get_byte(dice, at) * 256 + get_byte(dice, at + 1)) / 65536.0::double precision;

-- When the n-th of `total` events of a period happened: in order, and never after its end.
CREATE FUNCTION standin.moment(
    oldest timestamp, newest timestamp, n bigint, total bigint, dice bytea
) RETURNS timestamp LANGUAGE sql IMMUTABLE
    RETURN newest - (newest - oldest) * ((total - n + standin.share(dice, 0)) / total);
