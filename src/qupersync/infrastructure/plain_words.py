"""What is wrong with a value, in words a reader of jobs.yaml understands."""

from pydantic_core import ErrorDetails

_SENTENCES = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "datetime_type": "expected an ISO time",
    "dict_type": "expected a mapping",
    "extra_forbidden": "unknown field",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "expected {expected}",
    "missing": "missing",
    "model_attributes_type": "expected a mapping",
    "model_type": "expected a mapping",
    "string_pattern_mismatch": "expected a name of small letters, digits and _, at most 63 long",
    "string_too_short": "must not be empty",
    "string_type": "expected a text",
    "time_delta_type": "expected a duration",
    "too_short": "must not be empty",
    "tuple_type": "expected a list",
    "value_error": "{error}",
}


def in_words(error: ErrorDetails) -> str:
    """Say what is wrong, without the value itself and without the validator's jargon."""
    sentence = _SENTENCES.get(error["type"])
    return (
        sentence.format(**error.get("ctx", {}))
        if sentence
        else error["msg"].replace("Input", "the value")
    )
