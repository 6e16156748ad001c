"""The shapes of settings, catalog files and personas: every key there is, with what editors say about it."""

from __future__ import annotations

from typing import get_args

from schema.catalog import SourceKind
from schema.load_shape import Anything, Either, Flag, ListOf, MapOf, Number, Record, Text
from schema.load_shapes_words import (
    GRAPHQL_NAME,
    LOCAL,
    LOCAL_WORDS,
    NAMED,
    PRODUCT,
    TAGS,
    duration,
    may,
    named,
    need,
    reason,
    weight,
)
from schema.load_shapes_zones import ZONE
from schema.names import LOGICAL

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SIGNATURES = f"Only asymmetric signatures are accepted: {', '.join(ALGORITHMS)}."
DEFAULT_ALGORITHMS = ("RS256", "ES256", "EdDSA")
PRESETS = ("plain", "hasura", "auth0", "okta", "keycloak", "entra", "cognito")
KEY_PLACES = ("jwks_url", "jwks_file", "oidc", "development")

REPLICA = Record({
    "location": need(Text("The cloud region it is in.")),
    "url": need(Text("Where it is, as the source's 'url' says it.")),
}, "The same data at another place.", "replica")  # fmt: skip
SOURCE = Record({
    "kind": need(Text("Which back end speaks to it.", words=get_args(SourceKind))),
    "url": may(Text("Where it is: a file or a URL. Needed, except where a cloud's own endpoint in 'location' is meant. "
                     "Secrets stand as references: secret:env:NAME, secret:file:PATH, "
                     "secret:aws:NAME#key, secret:gcp:RESOURCE; or within a URL as ${secret:env:NAME}.")),
    "location": may(Text("The cloud region its data is in; localize policies ask for it.")),
    "replicas": may(ListOf(REPLICA, "The same data at other places. A zone reads the first of the source and these, in "
                                    "this order, that is where all its localize policies for the source say.")),
    "required": may(Flag("false: the gateway starts without it and answers CH5xx until it is there. Default true.")),
    "options": may(MapOf(Anything(), "Options of the back end, such as pool_size, threads or memory_limit.")),
    "session": may(MapOf(Text("", LOGICAL, NAMED), "Session tags of the cloud, each with the claim its value is taken "
                         "from: department: department.")),
}, "A connection to a database, a feature store or a model server.", "source")  # fmt: skip

CLAIM_TYPES = ("string", "integer", "bigint", "decimal", "float", "boolean", "date", "time", "datetime", "timestamp",
               "uuid")  # fmt: skip
CLAIM = Record({
    "type": need(Text(f"{', '.join(CLAIM_TYPES)}, or list<..> of one of them.",
                      rf"\s*(list<)?\s*({'|'.join(CLAIM_TYPES)})\s*>?\s*", "a claim type",
                      examples=("string", "list<string>"))),
    "description": may(Text("What the claim means.")),
}, "A claim that policies may name as claims.<name>.", "claim")  # fmt: skip

DOTTED = Text(
    "Keys joined by dots: realm_access.roles",
    r"(?!.*://)[^.]+(\.[^.]+)*",
    "a path of keys joined by dots",
    examples=("realm_access.roles",),
    hint="A key that holds dots or slashes stands in a list: ['https://x.example/claims', roles].",
)
KEYS = ListOf(Text(), "Object keys one after the other, for names that hold dots or slashes.", least=1)
ONE_PATH = Either((DOTTED, KEYS), "Where in the token the claim stands.")
CLAIM_PATH = Either((
    DOTTED,
    KEYS,
    Record({
        "paths": need(ListOf(ONE_PATH, "Tried in this order; the first that is present wins.", least=1)),
        "split": may(Text("Makes a list of a text, separated by this.", r"(?s).+", "a separator")),
        "single_as_list": may(Flag("A single value stands for a list of one.")),
    }, name="claimPath"),
), "Where in this issuer's tokens the claim stands: over the preset.")  # fmt: skip

ISSUER = Record({
    "issuer": need(Text("The exact iss of its tokens.")),
    "audiences": need(ListOf(Text(), "The aud values accepted: one of them must be in the token.", least=1)),
    "jwks_url": may(Text("Where its key set is published (https).")),
    "jwks_file": may(Text("A file with its key set, relative to the project.")),
    "oidc": may(Flag("true: keys are found by OpenID Connect discovery at the issuer.")),
    "development": may(Flag("true: keys made at run time for demos; only with --dev-keys, loopback only.")),
    "algorithms": may(ListOf(Text(words=ALGORITHMS, hint=_SIGNATURES), "Signature algorithms accepted, asymmetric "
                             f"only. Default {', '.join(DEFAULT_ALGORITHMS)}.", least=1)),
    "preset": may(Text("Where issuers of this make keep claims. Default plain: under their own names.", words=PRESETS)),
    "namespace": may(Text("auth0: the prefix of custom claims, such as https://acme.example/; "
                          "hasura: the key of the claims object.")),
    "claims": may(MapOf(CLAIM_PATH, "Where each declared claim stands in the token: over the preset.")),
    "purposes": may(CLAIM_PATH),
    "max_lifetime": may(duration("Tokens that live longer are refused.")),
}, "A token issuer. Exactly one of jwks_url, jwks_file, oidc and development says where its keys are.",
    "issuer")  # fmt: skip

SETTINGS = Record({
    "version": need(Number("The version of this format: 1.", least=1, most=1)),
    "sources": may(MapOf(SOURCE, "Connections by name.", LOCAL, LOCAL_WORDS)),
    "claims": may(named(CLAIM, "What policies may know of a caller.")),
    "issuers": may(MapOf(ISSUER, "Token issuers by name.", LOCAL, LOCAL_WORDS)),
    "zones": may(MapOf(ZONE, "Audiences by name.", LOCAL, LOCAL_WORDS)),
}, "Settings of a project (customhouse.yaml).", "settings")  # fmt: skip

DOMAIN = Record({
    "description": may(Text("What the business area is.")),
    "steward": may(Text("Who answers for it: Name <address>.")),
    "tags": may(TAGS),
}, "A business area.", "domain")  # fmt: skip

COLUMN = Record({
    "type": need(Text("string, integer, bigint, decimal(12,2), float, boolean, date, time, datetime, timestamp, "
                      "interval, uuid, json, bytes, array<..>, struct<name: type, ..>")),
    "description": may(Text("What the value means, with its unit.")),
    "tags": may(TAGS),
    "column": may(Text("Its name in the source, where that differs.", r"(?s).{1,255}", "a column name")),
    "graphql": may(GRAPHQL_NAME),
    "filterable": may(Flag("false: it cannot be filtered by, for cost. Never a security measure.")),
    "sortable": may(Flag("false: it cannot be sorted by, for cost.")),
    "groupable": may(Flag("false: it cannot be grouped by, for cost.")),
    "nullable": may(Flag("false: the source never has a null there, so that cursors can be sought. Default true.")),
    "cost": may(weight("What a value of it costs. Default 0.")),
    "sql": may(Text("Derives the column: an SQL expression over other columns of the product.")),
    "declassify": may(reason("The tags of what it is derived from are not inherited, and why.")),
}, "A column.", "column")  # fmt: skip

_TRAVERSE = "It may be followed by callers for whom its key is masked, and why."
RELATIONSHIP = Record({
    "to": need(Text("The product it leads to.", PRODUCT, "a product id, domain.product",
                    examples=("reference.planes",))),
    "on": need(MapOf(Text(), "Column here: column there, for every pair. To a model: column here, or relationships "
                     "and a column at their end (route.features.mean_delay): input there.", least=1)),
    "many": may(Flag("true: it leads to many rows. Default: to one at most.")),
    "description": may(Text("What the relationship means.")),
    "graphql": may(GRAPHQL_NAME),
    "cost": may(weight("What following it once costs. Default: that of what it leads to.")),
    "inverse": may(Either((
        Text("", LOGICAL, NAMED),
        Record({
            "name": need(Text("The name of the way back.", LOGICAL, NAMED)),
            "description": may(Text("What the way back means.")),
            "graphql": may(GRAPHQL_NAME),
            "cost": may(weight("What following it back once costs.")),
            "traverse_masked": may(reason(_TRAVERSE)),
        }, name="inverse"),
    ), "Also declares the way back, on the target, under this name.")),
    "traverse_masked": may(reason(_TRAVERSE)),
}, "A way to another product.", "relationship")  # fmt: skip

_TABLE_PART = Text("", r"(?s).{1,255}", "an identifier")

FEATURES = Record({
    "event_time": may(Text("The column that says as of when a row holds. With several rows of one entity in a table, "
                           "the latest counts.")),
    "ttl": may(duration("A row older than this is stale, and says so.")),
    "options": may(MapOf(Anything(), "How the store keeps it: options of the back end.")),
}, "Makes the product a feature view: its rows are the latest values of the entity that its key names.",
    "features")  # fmt: skip

_INPUT = Either((Text("Just the type."), Record({
    "type": need(Text("A scalar type.")),
    "description": may(Text("What the value means, with its unit.")),
    "column": may(Text("Its name in the model's signature, where that differs.", r"(?s).{1,255}", "a name")),
    "graphql": may(GRAPHQL_NAME),
    "nullable": may(Flag("true: the model takes null. Default false: without a value there is no scoring.")),
}, "An input.", "input")))  # fmt: skip

MODEL = Record({
    "name": may(Text("What the source calls it. Default: the product's name.", r"(?s).{1,255}", "a name")),
    "version": need(Text("The version that is served; part of the key of every answer that is kept.")),
    "inputs": need(MapOf(_INPUT, "Its inputs by logical name, in the order of its signature.", LOGICAL, NAMED, 1)),
    "outputs": need(MapOf(Either((Text("Just the type."), COLUMN)), "Its outputs by logical name.", LOGICAL, NAMED, 1)),
    "deterministic": may(Flag("true: equal inputs give equal outputs. With 'freshness' of the product they are kept.")),
    "batch": may(Number("Most rows of one call.", least=1, most=100_000)),
    "raw": may(Record({
        "purpose": need(Text("The purpose of a request for which inputs are raw.")),
        "reason": need(Text("Why this is right, for whoever reviews it.")),
    }, "The model gets raw values instead of the caller's view of them; its outputs then inherit their tags.", "raw")),
    "card": may(Record({
        "training_data": may(Text("What it was trained on.")),
        "intended_use": may(Text("What it is meant for, and what not.")),
        "registry": may(Text("A link to where it is kept.")),
        "metrics": may(MapOf(Number("", whole=False), "Figures of its evaluation by name.")),
    }, "What whoever uses the model should know of it.", "card")),
    "options": may(MapOf(Anything(), "Options of the back end.")),
}, "Makes the product a model: its columns are its inputs and outputs.", "model")  # fmt: skip

PRODUCT_SHAPE = Record({
    "description": may(Text("What a row is.")),
    "source": may(Text("The source it is in. A view may leave it out.")),
    "table": may(Either((_TABLE_PART, ListOf(_TABLE_PART, least=1, most=3)),
                        "The table: its name, or [schema, table], or [catalog, schema, table].")),
    "view": may(Text("An SQL query over product ids instead of a table. All its products are of one source.")),
    "key": may(ListOf(Text(), "The columns that tell its rows apart.", least=1)),
    "graphql": may(Record({"singular": may(GRAPHQL_NAME), "plural": may(GRAPHQL_NAME), "type": may(GRAPHQL_NAME)},
                          "GraphQL names, where the defaults will not do.", "productNames")),
    "tags": may(TAGS),
    "owner": may(Text("Who answers for it. Default: the domain's steward.")),
    "freshness": may(duration("How old its rows may be at most.")),
    "rows": may(Number("About how many rows it has, for what SQL refuses before it runs.", least=0,
                       most=1_000_000_000_000_000)),
    "cost": may(weight("What a row costs. Default 1; 2 for a row of a feature view, 10 for a scoring.")),
    "cache": may(Flag("true: results of its rows may be used again for as long as 'freshness' says.")),
    "partition": may(Record({
        "column": need(Text("The column that the source cuts it by.")),
        "required": may(Flag("true: questions without a filter on it are refused, for cost. Default false.")),
    }, "How the source cuts the product into partitions.", "partition")),
    "cluster": may(ListOf(Text(), "The columns that the source sorts its rows by, inside partitions.", least=1,
                          most=4)),
    "entitlement": may(Flag("true: never published; policies may look up rights in it.")),
    "features": may(FEATURES),
    "model": may(MODEL),
    "columns": may(MapOf(Either((Text("Just the type."), COLUMN)), "Its columns by logical name.", LOGICAL, NAMED, 1)),
    "relationships": may(named(RELATIONSHIP, "Ways to other products by name.")),
}, "A governed table, view, feature view or model.", "product")  # fmt: skip

CATALOG = Record({
    "domains": may(named(DOMAIN, "Business areas by name.")),
    "products": may(MapOf(PRODUCT_SHAPE, "Products by id, domain.name.", PRODUCT, "a product id, domain.product")),
}, "A catalog file.", "catalog")  # fmt: skip

PERSONAS = MapOf(Record({
    "description": need(Text("Who this is.")),
    "issuer": may(Text("The development issuer that mints the token. Default: the first.")),
    "subject": need(Text("The sub of the token.")),
    "claims": may(MapOf(Anything(), "Claims as they stand in the token.")),
    "purposes": may(ListOf(Text(), "Purposes the token allows.")),
}, "A demo persona.", "persona"), "Demo personas by name.", LOCAL, LOCAL_WORDS)  # fmt: skip
