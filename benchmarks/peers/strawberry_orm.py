"""What a careful team writes by hand: strawberry, FastAPI, uvicorn, SQLAlchemy's ORM and data loaders, all async.

uvicorn benchmarks.peers.strawberry_orm:app --loop uvloop --http httptools --no-access-log
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import jwt
import strawberry
from fastapi import FastAPI, Request
from sqlalchemy import ForeignKey, Numeric, func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, mapped_column
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

from benchmarks.peers.place import DSN, POOL, SECRET

engine = create_async_engine(DSN.replace("postgresql://", "postgresql+asyncpg://"), pool_size=POOL, max_overflow=0)
Session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class CustomerRow(Base):
    __tablename__ = "customer"
    c_custkey: Mapped[int] = mapped_column(primary_key=True)
    c_name: Mapped[str]
    c_address: Mapped[str]
    c_nationkey: Mapped[int]
    c_phone: Mapped[str]
    c_acctbal: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    c_mktsegment: Mapped[str]
    c_comment: Mapped[str]


class OrderRow(Base):
    __tablename__ = "orders"
    o_orderkey: Mapped[int] = mapped_column(primary_key=True)
    o_custkey: Mapped[int] = mapped_column(ForeignKey("customer.c_custkey"))
    o_orderstatus: Mapped[str]
    o_totalprice: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    o_orderdate: Mapped[dt.date]
    o_orderpriority: Mapped[str]


class LineRow(Base):
    __tablename__ = "lineitem"
    l_orderkey: Mapped[int] = mapped_column(ForeignKey("orders.o_orderkey"), primary_key=True)
    l_linenumber: Mapped[int] = mapped_column(primary_key=True)
    l_partkey: Mapped[int]
    l_suppkey: Mapped[int]
    l_quantity: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    l_extendedprice: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    l_discount: Mapped[Decimal] = mapped_column(Numeric(15, 2))
    l_returnflag: Mapped[str]
    l_shipdate: Mapped[dt.date]
    l_shipmode: Mapped[str]
    l_shipinstruct: Mapped[str]


def _top_per_parent(row: Any, fk: Any, keys: Sequence[int], order: Sequence[Any], limit: int) -> Any:
    """The first rows of each parent, in one statement."""
    rn = func.row_number().over(partition_by=fk, order_by=order).label("rn")
    sub = select(row, rn).where(fk.in_(keys)).subquery()
    ent = aliased(row, sub)
    return select(ent).where(sub.c.rn <= limit).order_by(sub.c.rn)


def make_loader(row: Any, fk_name: str, order: Sequence[Any], limit: int) -> DataLoader[int, list[Any]]:
    fk = getattr(row, fk_name)

    async def load(keys: list[int]) -> list[list[Any]]:
        async with Session() as s:
            rows = (await s.scalars(_top_per_parent(row, fk, keys, order, limit))).all()
        out: dict[int, list[Any]] = defaultdict(list)
        for r in rows:
            out[getattr(r, fk_name)].append(r)
        return [out[k] for k in keys]

    return DataLoader(load_fn=load)


@strawberry.type
class Lineitem:
    orderkey: int
    linenumber: int
    partkey: int
    suppkey: int
    quantity: Decimal
    extendedprice: Decimal
    discount: Decimal
    returnflag: str
    shipdate: dt.date
    shipinstruct: str

    @classmethod
    def of(cls, r: LineRow) -> "Lineitem":
        return cls(
            orderkey=r.l_orderkey,
            linenumber=r.l_linenumber,
            partkey=r.l_partkey,
            suppkey=r.l_suppkey,
            quantity=r.l_quantity,
            extendedprice=r.l_extendedprice,
            discount=r.l_discount,
            returnflag=r.l_returnflag,
            shipdate=r.l_shipdate,
            shipinstruct=r.l_shipinstruct,
        )


@strawberry.type
class Order:
    orderkey: int
    orderdate: dt.date
    totalprice: Decimal

    @strawberry.field
    async def lineitems(self, info: strawberry.Info, limit: int) -> list[Lineitem]:
        loaders = info.context["loaders"]
        dl = loaders.get(("l", limit)) or loaders.setdefault(
            ("l", limit), make_loader(LineRow, "l_orderkey", [LineRow.l_linenumber], limit)
        )
        return [Lineitem.of(r) for r in await dl.load(self.orderkey)]


@strawberry.type
class Customer:
    custkey: int
    name: str
    address: str | None
    nationkey: int
    phone: str | None
    acctbal: Decimal
    mktsegment: str
    comment: str

    @classmethod
    def of(cls, r: CustomerRow, claims: dict[str, Any] | None = None) -> "Customer":
        clear = claims is None or claims.get("pii")
        return cls(
            custkey=r.c_custkey,
            name=r.c_name,
            address=r.c_address if clear else None,
            nationkey=r.c_nationkey,
            phone=r.c_phone if clear else "XXX-" + r.c_phone[-4:],
            acctbal=r.c_acctbal,
            mktsegment=r.c_mktsegment,
            comment=r.c_comment,
        )

    @strawberry.field
    async def orders(self, info: strawberry.Info, limit: int) -> list[Order]:
        loaders = info.context["loaders"]
        dl = loaders.get(("o", limit)) or loaders.setdefault(
            ("o", limit), make_loader(OrderRow, "o_custkey", [OrderRow.o_orderdate.desc(), OrderRow.o_orderkey], limit)
        )
        return [
            Order(orderkey=r.o_orderkey, orderdate=r.o_orderdate, totalprice=r.o_totalprice)
            for r in await dl.load(self.custkey)
        ]


@strawberry.type
class Segment:
    mktsegment: str
    count: int
    sum: Decimal
    avg: Decimal


@strawberry.type
class Query:
    @strawberry.field
    async def customer(self, info: strawberry.Info, custkey: int) -> Customer | None:
        async with Session() as s:
            r = await s.get(CustomerRow, custkey)
        return Customer.of(r) if r else None

    @strawberry.field
    async def customers(
        self,
        info: strawberry.Info,
        limit: int,
        mktsegment: str | None = None,
        nationkey: int | None = None,
        top: bool = False,
    ) -> list[Customer]:
        claims = info.context["claims"]
        q = select(CustomerRow)
        if mktsegment is not None:
            q = q.where(CustomerRow.c_mktsegment == mktsegment)
        if nationkey is not None:
            q = q.where(CustomerRow.c_nationkey == nationkey)
        if claims is not None:
            q = q.where(CustomerRow.c_nationkey.in_(claims["nations"]))
        order = [CustomerRow.c_acctbal.desc(), CustomerRow.c_custkey] if top else [CustomerRow.c_custkey]
        async with Session() as s:
            rows = (await s.scalars(q.order_by(*order).limit(limit))).all()
        return [Customer.of(r, claims) for r in rows]

    @strawberry.field
    async def lineitems(self, info: strawberry.Info, shipmode: str, limit: int) -> list[Lineitem]:
        q = (
            select(LineRow)
            .where(LineRow.l_shipmode == shipmode)
            .order_by(LineRow.l_orderkey, LineRow.l_linenumber)
            .limit(limit)
        )
        async with Session() as s:
            return [Lineitem.of(r) for r in (await s.scalars(q)).all()]

    @strawberry.field
    async def segments(self, info: strawberry.Info, nationkey: int) -> list[Segment]:
        c = CustomerRow
        q = (
            select(c.c_mktsegment, func.count(), func.sum(c.c_acctbal), func.avg(c.c_acctbal))
            .where(c.c_nationkey == nationkey)
            .group_by(c.c_mktsegment)
            .order_by(c.c_mktsegment)
        )
        async with Session() as s:
            return [Segment(mktsegment=a, count=b, sum=d, avg=e) for a, b, d, e in (await s.execute(q)).all()]


async def context(request: Request) -> dict[str, Any]:
    auth = request.headers.get("authorization")
    claims = jwt.decode(auth[7:], SECRET, algorithms=["HS256"]) if auth else None
    return {"claims": claims, "loaders": {}}


# The two caches are the documented way to spare parse and validation.
schema = strawberry.Schema(Query, extensions=[ParserCache, ValidationCache])
app = FastAPI()
app.include_router(GraphQLRouter(schema, context_getter=context), prefix="/graphql")
