"""What a record may be: the classes of OCSF 1.6 that the gateway writes, stated here as far as it uses them.

From the schema's own definitions (datastore_activity, api_activity, authentication, and the objects they name):
attributes, requirements, enumerations and constraints. An attribute that is not stated is refused. No package has
these classes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Product(Strict):
    name: Literal["Customhouse"]
    vendor_name: Literal["Customhouse"]
    version: str


class Metadata(Strict):
    product: Product
    version: Literal["1.6.0"]
    correlation_uid: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None


class Endpoint(Strict):
    ip: str | None = None
    svc_name: str | None = None

    @model_validator(mode="after")
    def at_least_one(self) -> Endpoint:
        assert self.ip or self.svc_name
        return self


class User(Strict):
    type_id: Literal[0, 1]
    uid: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def at_least_one(self) -> User:
        assert self.uid or self.name
        return self


class Session(Strict):
    issuer: str
    uid: str


class Process(Strict):
    pid: int


class Actor(Strict):
    user: User | None = None
    session: Session | None = None
    app_name: str | None = None
    process: Process | None = None

    @model_validator(mode="after")
    def at_least_one(self) -> Actor:
        assert self.user or self.app_name
        return self


class Url(Strict):
    path: Literal["/graphql", "/q/", "/sql", "/catalog", "/schema.graphql", "/openapi.json", "/explain"]


class HttpRequest(Strict):
    http_method: Literal["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "other"]
    uid: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    url: Url


class HttpResponse(Strict):
    code: Annotated[int, Field(ge=100, le=599)]
    length: Annotated[int, Field(ge=0)]


class Service(Strict):
    name: str


class Api(Strict):
    operation: str
    service: Service


class Named(Strict):
    name: str
    type: Literal["zone"] | None = None


class QueryInfo(Strict):
    uid: Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
    name: str | None = None


class Chain(Strict):
    id: str
    seq: Annotated[int, Field(ge=1)]
    prev: Hash
    hash: Hash


class Column(Strict):
    name: str
    state: Literal["clear", "masked", "conditional", "hidden"]
    tags: list[str] = []
    masks: list[str] = []


class Rule(Strict):
    kind: Literal["grant", "row_filter", "deny", "mask", "privacy"]
    name: str
    rows: Literal["all", "some", "none"]


class Governed(Strict):
    name: str
    rows: Literal["all", "some", "none"]
    columns: list[Column]
    rules: list[Rule]
    inside: bool = False


class Unmapped(Strict):
    """Ours: OCSF leaves it open."""

    chain: Chain
    codes: list[Annotated[str, Field(pattern=r"^CH[1-6][0-9]{2}$")]]
    microseconds: int
    phase: Literal["whole", "begun", "ended"]
    zone: str | None = None
    catalog_version: str | None = None
    policy_version: str | None = None
    purpose: str | None = None
    subject_form: Literal["hash", "clear"] | None = None
    partner: str | None = None
    document_sha256: Hash | None = None
    rows: int | None = None
    rows_by_product: dict[str, Annotated[int, Field(ge=1)]] | None = None
    products: list[Governed] | None = None


class Event(Strict):
    """What every event has."""

    category_uid: int
    class_uid: int
    type_uid: int
    activity_id: int
    activity_name: str
    metadata: Metadata
    severity_id: Literal[1, 2, 3]
    status: Literal["Success", "Failure"]
    status_id: Literal[1, 2]
    status_code: Annotated[str, Field(pattern=r"^[1-5][0-9]{2}$")] | None = None
    status_detail: str | None = None
    time: Annotated[int, Field(gt=1_600_000_000_000)]
    duration: Annotated[int, Field(ge=0)] | None = None
    src_endpoint: Endpoint

    @model_validator(mode="after")
    def numbers_agree(self) -> Event:
        assert self.type_uid == self.class_uid * 100 + self.activity_id
        assert self.class_uid // 1000 == self.category_uid
        assert self.status == {1: "Success", 2: "Failure"}[self.status_id]
        return self


class Datastore(Event):
    category_uid: Literal[6]
    class_uid: Literal[6005]
    activity_id: Literal[1, 4]
    activity_name: Literal["Read", "Query"]
    actor: Actor
    database: Named
    table: Named | None = None
    query_info: QueryInfo | None = None
    http_request: HttpRequest
    http_response: HttpResponse
    unmapped: Unmapped


class UnmappedCount(Strict):
    chain: Chain
    codes: Annotated[list[Annotated[str, Field(pattern=r"^CH1[0-9]{2}$")]], Field(min_length=1, max_length=1)]
    phase: Literal["counted"]
    routes: Annotated[dict[Literal["/graphql", "other"], Annotated[int, Field(ge=1)]], Field(min_length=1)]
    zone: str


class Counted(Event):
    """Refusals of one kind, of requests that nobody has looked at: Datastore Activity that stands for several."""

    category_uid: Literal[6]
    class_uid: Literal[6005]
    activity_id: Literal[0]
    activity_name: Literal["Unknown"]
    actor: Actor
    database: Named
    count: Annotated[int, Field(ge=1)]
    start_time: Annotated[int, Field(gt=1_600_000_000_000)]
    end_time: Annotated[int, Field(gt=1_600_000_000_000)]
    unmapped: UnmappedCount

    @model_validator(mode="after")
    def times_agree(self) -> Counted:
        assert self.start_time <= self.end_time == self.time
        return self


class Authentication(Event):
    category_uid: Literal[3]
    class_uid: Literal[3002]
    activity_id: Literal[1]
    activity_name: Literal["Logon"]
    user: User
    service: Service
    is_remote: Literal[True]
    http_request: HttpRequest
    http_response: HttpResponse
    unmapped: Unmapped


class ApiActivity(Event):
    category_uid: Literal[6]
    class_uid: Literal[6003]
    activity_id: Literal[3]
    activity_name: Literal["Update"]
    actor: Actor
    api: Api
    unmapped: dict[str, object]

    @model_validator(mode="after")
    def chained(self) -> ApiActivity:
        Chain.model_validate(self.unmapped["chain"])
        return self


_ANY: TypeAdapter[Datastore | Authentication | ApiActivity] = TypeAdapter(
    Annotated[Datastore | Authentication | ApiActivity, Field(discriminator="class_uid")]
)


def check(line: bytes) -> Datastore | Authentication | ApiActivity | Counted:
    """The event of a line. Raises ValidationError."""
    return Counted.model_validate_json(line) if b'"phase":"counted"' in line else _ANY.validate_json(line)
