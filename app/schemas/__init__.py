"""Schemas of requests and answers; the OpenAPI document is made from them."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from typing_extensions import override

from src.core.ids import MAX_ID_BYTES, MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long
from src.core.list_rules import Price, check_prices, whole
from src.core.shop_rules import PlacementName

MAX_LIST = 100
MAX_IDS = 1_000
"""Products that a request for a list names, as history and to leave out."""
WHICH_PLACEMENT = (
    "Where the shop shows it, such as home, product, basket or mail: rules and figures can be of one placement."
)
BODY_PROBLEMS = (400, 411, 413, 415, 422)
"""Statuses that any call with a body may answer."""
MAX_TEXT = 500
MOST_VARIANTS = 100
"""Ids of variants in the answer of a product."""
MAX_INTEGER_ID = 2**63 - 1


_LINES = str.maketrans("\t\n\r", "   ")
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_BLANK = r"\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def _something_without(characters: str) -> str:
    """The pattern of a text that holds none of these, and more than blanks."""
    return f"^[^{characters}]*[^{characters}{_BLANK}][^{characters}]*$"


def _id_from_json(value: Any) -> Any:
    """Return a checked id; what is neither a text nor a whole number stays, and is refused as no text."""
    if not isinstance(value, str):
        value = whole(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if abs(value) > MAX_INTEGER_ID:
            raise ValueError("an id that is a number must have 64 bits at most; send it as text")
        value = str(value)
    if (known := _KNOWN_IDS.get(value)) is not None:
        return known
    checked = _checked_id(value)
    if len(value) <= MAX_ID_LENGTH:
        if len(_KNOWN_IDS) >= _MOST_KNOWN_IDS:
            _KNOWN_IDS.clear()
        _KNOWN_IDS[value] = checked
    return checked


def _checked_id(value: str) -> str:
    text = clean_id(value)
    if not text:
        raise ValueError("an id must not be empty")
    if is_too_long(text):
        raise ValueError(f"an id must not be longer than {MAX_ID_LENGTH} characters, or {MAX_ID_BYTES} bytes in UTF-8")
    if has_bad_characters(value):
        raise ValueError("an id must not contain control characters or broken unicode")
    return text


_KNOWN_IDS: dict[str, str] = {}
"""Texts that were checked lately, and the ids that they are: a shop names the same products again and again."""
_MOST_KNOWN_IDS = 8_192


def _known_ids(values: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Return checked ids; if all are known, without a call for each of them."""
    if isinstance(values, list) and len(values) <= MAX_IDS:
        try:
            return list(map(_KNOWN_IDS.__getitem__, values))
        except (KeyError, TypeError):  # one of them is new, or no text
            pass
    return check(values)


def _checked_text(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        raise ValueError("a text to search for must not be empty")
    if has_bad_characters(value.translate(_LINES)):
        raise ValueError("a text must not contain control characters or broken unicode")
    return text


SANE_REQUEST_ID = r"^[A-Za-z0-9._-]{1,64}$"

Id = Annotated[
    str,
    BeforeValidator(_id_from_json),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": _something_without(_CONTROL)},
                {"type": "integer", "minimum": -MAX_INTEGER_ID, "maximum": MAX_INTEGER_ID},
            ]
        }
    ),
]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS), WrapValidator(_known_ids)]
Text = Annotated[
    str,
    Field(max_length=MAX_TEXT),
    AfterValidator(_checked_text),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT,
            "pattern": _something_without(r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"),
        }
    ),
]
Length = Annotated[int, Field(ge=1, le=MAX_LIST, strict=True), BeforeValidator(whole)]


class Request(BaseModel):
    """A body or query: a field that nobody knows is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    @override
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the JSON schema, made once: flask-openapi3 reads it for every query string, and making takes 1 ms."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _schema_of(cls)


@cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = BaseModel.model_json_schema.__func__(model)  # type: ignore[attr-defined]
    return made


class SearchBody(Request):
    """What is searched for, and what it must be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "washing machine", "top_k": 10}]})

    query: Text = Field(description="Words, a part number, a brand, or what the product is for.")
    top_k: Length = Field(10, description="How many products.")
    category: str | None = Field(None, min_length=1, max_length=500, description="Only products of this category.")
    min_price: Price | None = Field(None, description="Only products that cost at least so much.")
    max_price: Price | None = Field(None, description="Only products that cost no more.")
    in_stock: StrictBool = Field(False, description="Leave out what is known to be sold out.")
    variants: StrictBool = Field(
        False,
        description="true: variants of one thing (colours, sizes) are results each by itself; else one of a group.",
    )
    placement: PlacementName | None = Field(None, description=WHICH_PLACEMENT)

    @model_validator(mode="after")
    def _some_price(self) -> SearchBody:
        check_prices(self.min_price, self.max_price)
        return self


class SearchHit(BaseModel):
    """A product that was found.

    score: comparable within one answer only. variants: how many variants of the thing the shop lists, this one
    included; absent where it has no others.
    """

    product_id: str
    title: str | None
    score: float
    image_url: str | None
    variants: int = 1


class SearchAnswer(BaseModel):
    """Best first."""

    results: list[SearchHit]
    note: str = Field("", description="Why there is no result; absent where there are some.")


class ProductPath(BaseModel):
    """Which product; the rest of the address, slashes included."""

    product_id: Id


class ProductAnswer(BaseModel):
    """All that is known of a product; null: not known.

    categories: the names in category. price: in the shop's currency. group_id: of the thing that it is a variant of.
    group_guessed: whether the catalogue names no group, and the titles of these products, which differ by colour and
    size only, tell it. variants: ids of the other products of the group, at most 100; n_variants counts all, this one
    included. These four are absent of a product without a group.
    """

    product_id: str
    title: str | None
    description: str | None
    category: str | None
    categories: list[str] | None
    brand: str | None
    price: float | None
    image_url: str | None
    stock: int | None
    withdrawn: bool | None
    group_id: str | None = None
    group_guessed: bool = False
    n_variants: int = 1
    variants: list[str] = Field([], max_length=MOST_VARIANTS)


class Category(BaseModel):
    """A category and how many products it has, without the withdrawn ones."""

    category: str
    count: int


class CategoryList(RootModel[list[Category]]):
    """Most products first, then by name."""


class StatusAnswer(BaseModel):
    """What the store holds, what is served, by which workers, and what the night does.

    matrix_factorization: the model that POST /training of the type mf trains (ALS).
    """

    database: dict[str, Any]
    matrix_factorization: dict[str, Any]
    similarity_search: dict[str, Any]
    release: dict[str, Any]
    workers: list[dict[str, Any]]
    scheduler: dict[str, Any]
    findings: list[dict[str, Any]]


class Health(BaseModel):
    """status: ok."""

    status: str
