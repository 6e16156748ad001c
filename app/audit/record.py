"""Record: what was told becomes an event of OCSF 1.6, the Open Cybersecurity Schema Framework.

An answer or a refusal is Datastore Activity (6005), a token that was not accepted Authentication (3002), an act of an
operator API Activity (6003). Refusals that were counted are one event with their number. What OCSF has no place for
stands in ``unmapped``.

Never here: values, claims, query text, literals, variables, tokens. Who asks stands as a keyed hash, unless it is to
stand in clear.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping

import orjson

from app.audit.settings import Subject
from app.audit.told import Act, Counted, Exchanged, Told
from app.http.routes import IN_GRAPHQL, SQL
from app.marks import mark, subject_mark
from app.telemetry.parent import parent_of
from policies.account import Account, AccountedProduct

VERSION = "1.6.0"
Json = dict[str, object]
_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SUCCESS, _FAILURE = (1, "Success"), (2, "Failure")
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3


class Recorder:
    """Makes records, for one writer's thread."""

    def __init__(self, subject: Subject, product_version: str) -> None:
        self._subject: Subject = subject
        self._product = {"name": "Customhouse", "vendor_name": "Customhouse", "version": product_version}
        self._products: weakref.WeakKeyDictionary[Account, orjson.Fragment] = weakref.WeakKeyDictionary()

    def record(self, told: Told) -> Json:
        """The record, without its place in a chain."""
        if isinstance(told, Act):
            return self._act(told)
        if isinstance(told, Counted):
            return self._counted(told)
        if told.caller is None and told.codes and told.codes[0].startswith("CH3"):
            return self._authentication(told)
        return self._datastore(told)

    def _datastore(self, told: Exchanged) -> Json:
        asks = told.route in IN_GRAPHQL or told.route == SQL
        event, known = self._event(6, 5, (4, "Query") if asks else (1, "Read"), told), told.registered
        event |= {
            "actor": self._actor(told),
            "database": {"name": "unknown" if told.versions is None else told.versions.zone, "type": "zone"},
            "unmapped": self._unmapped(told),
        }
        if told.document is not None:
            event["query_info"] = {"uid": told.document} | ({} if known is None else {"name": known[0]})
        if told.account is not None and len(told.account.products) == 1:
            event["table"] = {"name": told.account.products[0].id}
        return event

    def _counted(self, told: Counted) -> Json:
        status_id, status = _FAILURE
        return {
            **_class(6, 5, (0, "Unknown")),
            "actor": {"app_name": "unknown"},
            "count": told.whole,
            "database": {"name": told.zone, "type": "zone"},
            "end_time": int(told.at * 1000),
            "metadata": {"product": self._product, "version": VERSION},
            "severity_id": _LOW,
            "src_endpoint": {"svc_name": "unknown"},
            "start_time": int(told.since * 1000),
            "status": status,
            "status_code": str(told.status),
            "status_detail": told.code,
            "status_id": status_id,
            "time": int(told.at * 1000),
            "unmapped": {"codes": [told.code], "phase": "counted", "routes": dict(told.routes), "zone": told.zone},
        }

    def _authentication(self, told: Exchanged) -> Json:
        """Whose token it was is not known: it has not been believed."""
        event = self._event(3, 2, (1, "Logon"), told)
        service = "customhouse" if told.versions is None else told.versions.zone
        return event | {
            "user": {"name": "unknown", "type_id": 0},
            "service": {"name": service},
            "is_remote": True,
            "severity_id": _MEDIUM,
            "unmapped": self._unmapped(told),
        }

    def _act(self, act: Act) -> Json:
        status_id, status = _SUCCESS if act.done else _FAILURE
        return {
            **_class(6, 3, (3, "Update")),
            "actor": {"app_name": "customhouse", "process": {"pid": os.getpid()}},
            "api": {"operation": act.name, "service": {"name": "customhouse"}},
            "metadata": {"product": self._product, "version": VERSION},
            "severity_id": _INFORMATIONAL if act.done else _MEDIUM,
            "src_endpoint": {"svc_name": "customhouse"},
            "status": status,
            "status_id": status_id,
            "time": int(act.at * 1000),
            "unmapped": dict(act.about),
        }

    def _event(self, category: int, class_: int, activity: tuple[int, str], told: Exchanged) -> Json:
        answered = told.status < 400 and not told.codes
        status_id, status = _SUCCESS if answered else _FAILURE
        metadata: Json = {"product": self._product, "version": VERSION}
        if (parent := parent_of(told.trace, "")) is not None:
            metadata["correlation_uid"] = parent.trace_id
        event: Json = {
            **_class(category, class_, activity),
            "duration": int(told.seconds * 1000),
            "http_request": {
                "http_method": told.method if told.method in _METHODS else "other",
                "uid": told.request_id,
                "url": {"path": told.route},
            },
            "http_response": {"code": told.status, "length": told.length},
            "metadata": metadata,
            "severity_id": _INFORMATIONAL if answered else _LOW,
            "src_endpoint": {"svc_name": "unknown"} if told.peer is None else {"ip": told.peer},
            "status": status,
            "status_code": str(told.status),
            "status_id": status_id,
            "time": int(told.at * 1000),
        }
        if told.codes:
            event["status_detail"] = ", ".join(told.codes)
        return event

    def _actor(self, told: Exchanged) -> Json:
        if told.caller is None or told.versions is None:
            return {"app_name": "unknown"}
        caller, key = told.caller, told.versions.key
        uid = caller.subject if self._subject == "clear" else subject_mark(caller.issuer, caller.subject, key)
        return {
            "session": {"issuer": caller.issuer, "uid": mark(caller.digest, key)},
            "user": {"type_id": 1, "uid": uid},
        }

    def _unmapped(self, told: Exchanged) -> Json:
        more: Json = {"codes": list(told.codes), "microseconds": int(told.seconds * 1_000_000), "phase": told.phase}
        if told.versions is not None:
            more["zone"] = told.versions.zone
            more["catalog_version"], more["policy_version"] = told.versions.catalog, told.versions.policies
        if told.caller is not None:
            more["purpose"] = told.caller.purpose
            more["subject_form"] = self._subject
            if told.caller.partner is not None:
                more["partner"] = told.caller.partner
        if told.registered is not None:
            more["document_sha256"] = told.registered[1]
        if told.rows is not None:
            more["rows"] = told.rows
        if told.by_product:
            more["rows_by_product"] = dict(told.by_product)
        if told.account is not None:
            more["products"] = self._written(told.account)
        return more

    def _written(self, account: Account) -> orjson.Fragment:
        """The products of an account, written once for all who share its plan."""
        known = self._products.get(account)
        if known is None:
            products = [_product(product) for product in account.products]
            known = orjson.Fragment(orjson.dumps(products, option=orjson.OPT_SORT_KEYS))
            self._products[account] = known
        return known


def _class(category: int, class_: int, activity: tuple[int, str]) -> Mapping[str, object]:
    uid = category * 1000 + class_
    return {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_uid": category,
        "class_uid": uid,
        "type_uid": uid * 100 + activity[0],
    }


def _product(product: AccountedProduct) -> Json:
    told: Json = {
        "name": product.id,
        "rows": product.rows,
        "columns": [_column(column.name, column.state, column.tags, column.masks) for column in product.columns],
        "rules": [{"kind": rule.kind, "name": rule.name, "rows": rule.effect} for rule in product.rules],
    }
    return {**told, "inside": True} if product.inside else told


def _column(name: str, state: str, tags: tuple[str, ...], masks: tuple[str, ...]) -> Json:
    told: Json = {"name": name, "state": state}
    return told | ({"tags": list(tags)} if tags else {}) | ({"masks": list(masks)} if masks else {})
