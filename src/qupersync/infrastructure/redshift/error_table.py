"""Which answers of Redshift, of its driver and of AWS mean what; read by ``errors.classified``."""

from qupersync.domain.errors import (
    BugError,
    ConflictError,
    LoginRefusedError,
    PermissionDeniedError,
    QueryError,
    ResourceError,
    SourceUnavailableError,
    TimeLimitError,
)
from qupersync.infrastructure.error_rules import Rule

LOGIN_HINT = "check REDSHIFT_USER, REDSHIFT_PASSWORD and REDSHIFT_DB: qupersync config show"
AWS_HINT = "check REDSHIFT_IAM, AWS_* and the rights of the role; try: aws sts get-caller-identity"
RULES = (
    # Redshift gives many of the next ones as XX000, and a token's end as a refused login.
    Rule(
        error=SourceUnavailableError,
        texts=("iam authentication token has expired",),
        hint="nothing to do: the next try fetches a new token; if it stays, check this clock",
    ),
    Rule(
        error=QueryError,
        texts=("wlm abort action", "query monitoring rule"),
        hint="the cluster's rule forbids the query: change the rule, or give JOB a shorter chunk",
    ),
    Rule(
        error=ConflictError,
        texts=(
            r"^1023\b", "serializable isolation violation", "conflict with concurrent transaction",
            "could not open relation with oid", r"relation with oid \d+ does not exist",
            "cached plan must not change",
        ),
    ),
    Rule(error=ResourceError, texts=("disk full", "connection limit", "too many connections")),
    Rule(error=SourceUnavailableError, texts=("s3 ?query exception", "retries exceeded")),
    # Redshift has one text for its time limit and for a person's CANCEL.
    Rule(error=TimeLimitError, states=("57014",)),
    Rule(error=ConflictError, states=("40001", "40P01", "55P03")),
    Rule(error=LoginRefusedError, states=("28", "3D000"), hint=LOGIN_HINT),
    Rule(error=PermissionDeniedError, states=("42501",)),
    Rule(error=SourceUnavailableError, states=("08", "57")),
    Rule(error=ResourceError, states=("53",)),
    Rule(error=BugError, states=("25P02",)),
)  # fmt: skip
# What the driver says by itself, when no answer came.
SILENT_RULES = (
    Rule(error=TimeLimitError, texts=("cannot read from timed out object",)),
    Rule(
        error=LoginRefusedError,
        texts=("no (password|token) was provided", "authentication method", "is not supported"),
        hint=LOGIN_HINT,
    ),
    Rule(error=LoginRefusedError, texts=("connection parameter .* must be",), hint=AWS_HINT),
)
# By the code that AWS gives; whatever else it says is a refusal.
AWS_RULES = (
    Rule(
        error=SourceUnavailableError,
        states=(
            "Internal", "RequestLimitExceeded", "RequestTimeout", "ServiceUnavailable", "SlowDown",
            "Throttl", "TooManyRequests",
        ),
    ),
)  # fmt: skip
UNKNOWN = Rule(error=QueryError)
AWAY = Rule(error=SourceUnavailableError)
REFUSED = Rule(error=LoginRefusedError, hint=AWS_HINT)
