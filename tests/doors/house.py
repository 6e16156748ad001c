"""A project of two zones over real files, and processes that serve them. Names that end in ``hinterland`` are the
internal zone's alone: they are not in the closure of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import httpx

from tests.app.issuer import Issuer
from tests.app.process import Process, until

SETTINGS = """\
version: 1
sources:
  shop: {{kind: duckdb, url: shop.duckdb, required: true}}
  vault_hinterland: {{kind: duckdb, url: vault.duckdb}}
claims:
  roles: {{type: list<string>}}
  firm: {{type: string}}
issuers:
  staff: {{issuer: "{staff}", audiences: [customhouse], oidc: true, claims: {{roles: roles}}}}
  firms: {{issuer: "{firms}", audiences: [customhouse], oidc: true, claims: {{firm: firm}}}}
zones:
  internal:
    issuers: [staff]
  partner:
    issuers: [firms]
    listen: {{port: 0}}
    operations: any
    publish:
      trade.orders: {{columns: [id, firm, amount], relationships: [lines]}}
      trade.lines: {{}}
    waive:
      - {{rule: row-filter, on: trade.lines, reason: The same for all., since: 2026-01-01}}
"""
TRADE = """\
domains: {trade: {}}
products:
  trade.orders:
    source: shop
    table: orders
    key: [id]
    columns:
      id: bigint
      firm: string
      amount: "decimal(12,2)"
      margin_hinterland: {type: float, column: margin_withheld}
    relationships:
      lines: {to: trade.lines, on: {id: order_id}, many: true}
      payments_hinterland: {to: vaulted.payments_hinterland, on: {id: order_hinterland}, many: true}
  trade.lines:
    source: shop
    table: order_lines
    key: [id]
    columns: {id: bigint, order_id: bigint, what: string}
"""
VAULTED = """\
domains: {vaulted: {description: What is kept_hinterland.}}
products:
  vaulted.payments_hinterland:
    source: vault_hinterland
    table: payments
    key: [id]
    columns: {id: bigint, order_hinterland: bigint, account_hinterland: string}
"""
POLICIES = """\
grants:
  - {name: staff-hinterland, on: {products: ["*"], zone: internal}, when: "'staff' IN claims.roles"}
  - {name: own, on: {products: [trade.orders], zone: partner}, when: "claims.firm <> ''", rows: "firm = claims.firm"}
  - {name: lines, on: {products: [trade.lines], zone: partner}, when: "claims.firm <> ''"}
masks:
  - {name: coarse_hinterland, on: {column: vaulted.payments_hinterland.account_hinterland}, mask: redact}
  - {name: what, on: {column: trade.lines.what, zone: partner}, mask: hash}
"""
KEYS = {
    "CUSTOMHOUSE_MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "CUSTOMHOUSE_MASTER_KEY_PARTNER": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
}


def write(folder: Path, staff: Issuer, firms: Issuer) -> Path:
    """The project, with its data."""
    settings = SETTINGS.format(staff=staff.url, firms=firms.url)
    files = {
        "customhouse.yaml": settings,
        "catalog/trade.yaml": TRADE,
        "catalog/vaulted.yaml": VAULTED,
        "policies/all.yaml": POLICIES,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with duckdb.connect(str(folder / "shop.duckdb")) as shop:
        shop.execute("CREATE TABLE orders (id BIGINT, firm VARCHAR, amount DECIMAL(12,2), margin_withheld DOUBLE)")
        shop.execute("INSERT INTO orders VALUES (1, 'acme', 10.50, 0.1), (2, 'acme', 3, 0.2), (3, 'bolt', 7, 0.3)")
        shop.execute("CREATE TABLE order_lines (id BIGINT, order_id BIGINT, what VARCHAR)")
        shop.execute("INSERT INTO order_lines VALUES (1, 1, 'nuts'), (2, 1, 'bolts'), (3, 3, 'tape')")
    with duckdb.connect(str(folder / "vault.duckdb")) as vault:
        vault.execute("CREATE TABLE payments (id BIGINT, order_hinterland BIGINT, account_hinterland VARCHAR)")
        vault.execute("INSERT INTO payments VALUES (1, 1, 'x')")
    return folder


class Houses:
    """One process, and the addresses of its zones."""

    def __init__(self, project: Path, zones: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        named = [word for zone in zones for word in ("--zone", zone)]
        environ = {"CUSTOMHOUSE_RELOAD_EVERY": "0.1", **KEYS, **(environ or {})}
        self.process = Process(["-m", "app.cli", "serve", "--project", str(project), *named], environ)
        self.clients = {zone: self._client(zone) for zone in zones}

    def _client(self, zone: str) -> httpx.Client:
        url = str(self.process.wait_for("serving", zone=zone)["url"])
        client = httpx.Client(base_url=url, trust_env=False, timeout=30)
        assert until(lambda: client.get("/readyz").status_code == 200)
        return client

    def stop(self) -> int:
        for client in self.clients.values():
            client.close()
        return self.process.stop()
