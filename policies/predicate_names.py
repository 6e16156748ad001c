"""What names mean in a predicate: columns, claims, the request, related rows, entitlements.

A relationship path ``plane.manufacturer`` becomes a scalar sub-select over the target's raw rows::

    (SELECT "~operations.flights.plane"."manufacturer" FROM "operations"."planes" AS "~operations.flights.plane"
     WHERE "~operations.flights.plane"."tailnum" = "tailnum" LIMIT 1)

Tables are logical (db = domain, this = product). A column that carries the table's alias is a logical column of the
target without an expression of its own; a column without table is the outer row's, also inside the sub-select.
Physical names are the gate's business. The relationship leads to the target's key, so that at most one row matches;
LIMIT 1 keeps the sub-select total should a source break its own key.

``value IN (SELECT ..)`` over an entitlement product becomes ``CH_IN(value, :entitlement:<id>)`` and an `Entitlement`,
whose statement is written over physical names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from policies.fault import Fault
from policies.predicate_read import Reader, name_parts, refused
from policies.predicate_types import Term, alike, typed
from policies.rules import Entitlement
from schema.catalog import Catalog, Claim, Product, Relationship
from schema.names import did_you_mean
from schema.sqltype import data_type
from schema.types import STRING, TIMESTAMP, Kind, Type

Derived = Mapping[str, Mapping[str, exp.Expression]]
TTL = 30.0
CAP = 10_000
REQUEST: Mapping[str, Type] = {"zone": STRING, "purpose": STRING, "region": STRING, "time": TIMESTAMP}


@dataclass(frozen=True, slots=True)
class PapersScope:
    """Claims and the request only: what guards may name."""

    claims: Mapping[str, Claim]

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        if len(parts) == 2 and parts[0] in ("claims", "request"):
            return papers(parts, self.claims, reader)
        name = ".".join(parts)
        raise Fault(
            "CH411",
            f"'{name}' is a column, but this condition may only name claims.* and request.*.",
            "Conditions over the row stand in 'rows' and 'reveal_when'; text stands in single quotes.",
        )

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        return list_claim(parts, self.claims)

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        raise Fault("CH411", "This condition may only name claims.* and request.*.", "Sub-selects stand in 'rows'.")

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        return None


@dataclass(frozen=True, slots=True)
class ColumnsScope:
    """Columns only: what derived columns and the ``sql`` mask may name. Never claims."""

    columns: Mapping[str, Type]

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        name = parts[-1]
        if len(parts) > 1:
            raise Fault(
                "CH409", f"'{'.'.join(parts)}' is no column here.", "Name columns of this product, without a prefix."
            )
        if name not in self.columns:
            raise _no_column(name, self.columns, "")
        reader.found.columns.add(name)
        return typed(exp.column(name, quoted=True), self.columns[name])

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        return None

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        raise refused(query)

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        return None


@dataclass(slots=True)
class RowScope:
    """A product's row, the claims, the request, rows related to it, entitlements.

    ``entitlements`` collects those that were met.
    """

    catalog: Catalog
    product: Product
    derived: Derived
    entitlements: dict[str, Entitlement] = field(default_factory=dict)

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        if len(parts) == 1:
            return self._own(parts[0], reader)
        if len(parts) == 2 and parts[0] in ("claims", "request"):
            return papers(parts, self.catalog.claims, reader)
        return self._related(parts, reader)

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        return list_claim(parts, self.catalog.claims)

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        return None

    def _own(self, name: str, reader: Reader) -> Term:
        column = self.product.columns.get(name)
        if column is None:
            raise _no_column(name, self.product.columns, f" in {self.product.id}")
        reader.found.named.add((self.product.id, name))
        spelt = inlined(self.product, name, self.derived)
        reader.found.columns |= {node.name for node in spelt.find_all(exp.Column)}
        return typed(spelt, column.type)

    def _related(self, parts: tuple[str, ...], reader: Reader) -> Term:
        path = ".".join(parts)
        relationship = self.product.relationships.get(parts[0])
        if relationship is None:
            known = {**self.product.relationships, "claims": None, "request": None}
            raise Fault(
                "CH409",
                f"{self.product.id} has no relationship '{parts[0]}' ('{path}').",
                did_you_mean(parts[0], known),
            )
        if len(parts) > 2:
            raise Fault(
                "CH415",
                f"The path '{path}' takes more than one step.",
                "Add the column to a view, or a relationship to it.",
            )
        target = self.catalog.products[relationship.target]
        self._check_path(path, relationship, target)
        column = target.columns.get(parts[1])
        if column is None:
            raise _no_column(parts[1], target.columns, f" in {target.id}")
        reader.found.named.add((target.id, parts[1]))
        reader.found.named |= {(self.product.id, here) for here, _ in relationship.pairs}
        real = inlined(target, parts[1], self.derived)
        reader.found.named |= {(target.id, node.name) for node in real.find_all(exp.Column)}
        return typed(self._sub_select(relationship, target, parts[1], reader), column.type)

    def _check_path(self, path: str, relationship: Relationship, target: Product) -> None:
        if relationship.cardinality != "one" or not set(target.key) <= {there for _, there in relationship.pairs}:
            raise Fault("CH415", f"'{path}' may lead to many rows.", f"A path must lead to the key of {target.id}.")
        if target.source != self.product.source:
            sentence = f"'{path}' leads from source '{self.product.source}' to source '{target.source}'."
            raise Fault("CH415", sentence, "Keep what decides about a row in the row's own source.")
        if target.features is not None or self.catalog.keyed(target.id):
            raise Fault("CH415", f"'{path}' leads to {target.id}.", "A rule reads tables, no features and no scores.")
        if target.view is not None:
            raise Fault("CH415", f"'{path}' leads to the view {target.id}.", "A path must lead to a table.")

    def _sub_select(self, relationship: Relationship, target: Product, column: str, reader: Reader) -> exp.Expression:
        alias = f"~{relationship.id}"
        select = exp.Select(expressions=[qualified(inlined(target, column, self.derived), alias)])
        select.set("from_", exp.From(this=logical_table(target, alias)))
        links: list[exp.Expression] = []
        for here, there in relationship.pairs:
            own = inlined(self.product, here, self.derived)
            reader.found.columns |= {node.name for node in own.find_all(exp.Column)}
            links.append(exp.EQ(this=qualified(inlined(target, there, self.derived), alias), expression=own))
        joined, *rest = links
        for link in rest:
            joined = exp.And(this=joined, expression=link)
        select.set("where", exp.Where(this=joined))
        select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
        return exp.Subquery(this=select)

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        if not positive:
            hint = "Write what is allowed, not what is not: an empty answer must give nothing."
            raise Fault(
                "CH416", "An entitlement may only stand under AND and OR, never under NOT or another operator.", hint
            )
        found = entitlement(query, self.catalog, reader)
        left, _ = alike(value, typed(exp.Placeholder(this=f"entitlement:{found.id}"), found.type))
        self.entitlements[found.id] = found
        reader.found.entitlements.add(found.id)
        bind = exp.Placeholder(this=f"entitlement:{found.id}")
        return Term(exp.Anonymous(this="CH_IN", expressions=[left.sql, bind]), Type(Kind.BOOLEAN))


@dataclass(frozen=True, slots=True)
class EntitlementScope:
    """The columns of one entitlement product under their physical names, the claims and the request."""

    catalog: Catalog
    product: Product

    def name(self, parts: tuple[str, ...], reader: Reader) -> Term:
        if len(parts) == 2 and parts[0] in ("claims", "request"):
            return papers(parts, self.catalog.claims, reader)
        column = self.product.columns.get(parts[-1])
        if column is None or len(parts) > 2 or (len(parts) == 2 and parts[0] != self.product.name):
            name = ".".join(parts)
            sentence = f"'{name}' is no column of {self.product.id}; a sub-select cannot name the row."
            raise Fault("CH416", sentence, "Tests that depend on the row are written as relationship paths.")
        if column.expression is not None:
            raise Fault("CH416", f"{self.product.id}.{column.name} is a derived column.", "Name a column of the table.")
        return typed(exp.column(column.physical, quoted=True), column.type)

    def list_claim(self, parts: tuple[str, ...]) -> Claim | None:
        return list_claim(parts, self.catalog.claims)

    def entitled(self, value: Term, query: exp.Expression, reader: Reader, positive: bool) -> Term:
        raise Fault("CH416", "A sub-select may not hold another one.")

    def aggregate(self, node: exp.Expression, reader: Reader) -> Term | None:
        return None


def entitlement(query: exp.Expression, catalog: Catalog, outer: Reader) -> Entitlement:
    """Check ``(SELECT column FROM <entitlement product> WHERE ..)``. Raises `Fault` CH416.

    The answer is kept as long as the product's ``freshness`` says, else 30 seconds: that is the revocation delay.
    """
    select = query.this if type(query) is exp.Subquery else query
    extra = {name for name, value in select.args.items() if value} - {"expressions", "from_", "where"}
    shape = "A sub-select has the form SELECT column FROM domain.product WHERE .."
    if type(select) is not exp.Select or extra or len(select.expressions) != 1 or "from_" not in select.args:
        raise Fault("CH416", "This sub-select has another form than the one allowed.", shape)
    product = _entitlement_product(select.args["from_"].this, catalog, shape)
    reader = Reader(EntitlementScope(catalog, product))
    item = reader.value(select.expressions[0])
    if item.type is None or type(item.sql) is not exp.Column:
        raise Fault("CH416", f"A sub-select gives one column of {product.id}.", shape)
    statement = exp.Select(expressions=[item.sql])
    statement.set("from_", exp.From(this=physical_table(product)))
    where = select.args.get("where")
    if where is not None:
        statement.set("where", exp.Where(this=reader.condition(where.this, positive=True).sql))
    outer.found.claims |= reader.found.claims
    outer.found.nonempty |= reader.found.nonempty
    digest = hashlib.sha256(f"{product.source}\n{statement.sql()}".encode()).hexdigest()[:12]
    ttl = TTL if product.freshness is None else product.freshness
    return Entitlement(f"{product.id}:{digest}", product.source, statement, item.type, ttl, CAP)


def _entitlement_product(table: exp.Expression, catalog: Catalog, shape: str) -> Product:
    extra = {name for name, value in table.args.items() if value} - {"this", "db"}
    if type(table) is not exp.Table or extra:
        raise Fault("CH416", "A sub-select reads exactly one product.", shape)
    name = ".".join(table_parts(table))
    product = catalog.products.get(name)
    entitlements = [p.id for p in catalog.products.values() if p.entitlement]
    if product is None or not product.entitlement:
        hint = (
            did_you_mean(name, entitlements) or "Mark the product with 'entitlement: true'; it is then never published."
        )
        raise Fault("CH416", f"'{name}' is no entitlement product.", hint)
    if product.view is not None:
        raise Fault("CH416", f"The entitlement product {name} is a view.", "Read entitlements from a table.")
    return product


# --- the pieces ------------------------------------------------------------------------------------------------------


def papers(parts: tuple[str, ...], claims: Mapping[str, Claim], reader: Reader) -> Term:
    """``claims.<name>`` (a single value) or ``request.<name>``, as a bind."""
    room, name = parts
    if room == "request":
        if name not in REQUEST:
            raise Fault(
                "CH409", f"There is no 'request.{name}'.", f"Known: {', '.join('request.' + n for n in REQUEST)}."
            )
        reader.found.requests.add(name)
        return typed(exp.Placeholder(this=f"request:{name}"), REQUEST[name])
    claim = claims.get(name)
    if claim is None:
        other = next((known for known in claims if known.lower() == name), None)
        hint = (
            f'Write claims."{other}": names without quotes are read in lower case.'
            if other
            else did_you_mean(name, claims)
        )
        raise Fault(
            "CH409", f"The claim '{name}' is not declared.", hint or "Declare it under 'claims:' in customhouse.yaml."
        )
    reader.found.claims.add(name)
    if claim.type.kind is Kind.BOOLEAN:
        reader.found.truths.add(f"claim:{name}")
    return typed(exp.Placeholder(this=f"claim:{name}"), claim.type)


def list_claim(parts: tuple[str, ...], claims: Mapping[str, Claim]) -> Claim | None:
    claim = claims.get(parts[1]) if len(parts) == 2 and parts[0] == "claims" else None
    return claim if claim is not None and claim.many else None


def inlined(product: Product, name: str, derived: Derived) -> exp.Expression:
    """A column as an expression over the product's real columns (each without table, quoted)."""
    spelt = derived.get(product.id, {}).get(name)
    if spelt is None:
        return exp.column(name, quoted=True)
    inner = spelt.copy().transform(
        lambda node: inlined(product, node.name, derived) if isinstance(node, exp.Column) else node
    )
    return exp.Cast(this=exp.Paren(this=inner), to=data_type(product.columns[name].type))


def qualified(value: exp.Expression, alias: str) -> exp.Expression:
    """The same value with its bare columns under a table alias."""

    def place(node: exp.Expression) -> exp.Expression:
        return exp.column(node.name, table=alias, quoted=True) if isinstance(node, exp.Column) else node

    return value.copy().transform(place)


def logical_table(product: Product, alias: str) -> exp.Table:
    """A product under its logical name."""
    return exp.Table(
        this=exp.to_identifier(product.name, quoted=True),
        db=exp.to_identifier(product.domain, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
    )


def physical_table(product: Product) -> exp.Table:
    """A product's table in its source."""
    *outer, name = (exp.to_identifier(part, quoted=True) for part in product.physical)
    parts = dict(zip(("db", "catalog"), reversed(outer), strict=False))
    return exp.Table(this=name, **parts)


def table_parts(table: exp.Expression) -> tuple[str, ...]:
    """The dotted name of a table, unquoted parts in lower case."""
    return tuple(name_parts(exp.Column(this=table.this, table=table.args.get("db"), db=table.args.get("catalog"))))


def _no_column(name: str, known: Mapping[str, object], where: str) -> Fault:
    return Fault(
        "CH409", f"There is no column '{name}'{where}.", did_you_mean(name, known) or "Text stands in single quotes."
    )
