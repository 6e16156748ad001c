"""The ceiling's statements, one for each workload, each giving the whole answer as JSON text."""

from __future__ import annotations

_CUSTOMER = """c_custkey custkey, c_name "name", c_address address, c_nationkey nationkey, c_phone phone,
    c_acctbal acctbal, c_mktsegment mktsegment, c_comment "comment" """

SQL = {
    "W1": """select row_to_json(t)::text from (select c_custkey custkey, c_name "name", c_phone phone,
        c_acctbal acctbal, c_mktsegment mktsegment from customer where c_custkey = $1) t""",
    "W2": f"""select json_agg(t)::text from (select {_CUSTOMER}
        from customer where c_mktsegment = $1 order by c_acctbal desc, c_custkey limit 100) t""",
    "W3": """select json_agg(t)::text from (select l_orderkey orderkey, l_linenumber linenumber, l_partkey partkey,
        l_suppkey suppkey, l_quantity quantity, l_extendedprice extendedprice, l_discount discount,
        l_returnflag returnflag, l_shipdate shipdate, l_shipinstruct shipinstruct
        from lineitem where l_shipmode = $1 order by l_orderkey, l_linenumber limit 1000) t""",
    "W4": """select json_agg(t)::text from (select c_custkey custkey, c_name "name",
        (select coalesce(json_agg(o), '[]') from (select o_orderkey orderkey, o_orderdate orderdate,
            o_totalprice totalprice,
            (select coalesce(json_agg(l), '[]') from (select l_linenumber linenumber, l_quantity quantity,
                l_extendedprice extendedprice, l_shipdate shipdate from lineitem
                where l_orderkey = o_orderkey order by l_linenumber limit 5) l) lineitems
            from orders where o_custkey = c_custkey order by o_orderdate desc, o_orderkey limit 10) o) orders
        from customer where c_nationkey = $1 order by c_custkey limit 20) t""",
    "W5": """select json_agg(t)::text from (select c_mktsegment mktsegment, count(*) "count", sum(c_acctbal) "sum",
        avg(c_acctbal) "avg" from customer where c_nationkey = $1 group by 1 order by 1) t""",
    "W6": """select coalesce(json_agg(t), '[]')::text from (select c_custkey custkey, c_name "name",
        case when $3 then c_address end address, c_nationkey nationkey,
        case when $3 then c_phone else 'XXX-' || right(c_phone, 4) end phone,
        c_acctbal acctbal, c_mktsegment mktsegment, c_comment "comment"
        from customer where c_mktsegment = $1 and c_nationkey = any($2)
        order by c_acctbal desc, c_custkey limit 100) t""",
    "W6b": """select coalesce(json_agg(t), '[]')::text from (select c_custkey custkey, c_name "name",
        case when $4 then c_address end address, c_nationkey nationkey,
        case when $4 then c_phone else 'XXX-' || right(c_phone, 4) end phone,
        c_acctbal acctbal, c_mktsegment mktsegment, c_comment "comment"
        from customer where c_mktsegment = $1 and c_acctbal < $2 and c_nationkey = any($3)
        order by c_acctbal desc, c_custkey limit 100) t""",
    "W7": """select coalesce(json_agg(t), '[]')::text from (select c_custkey custkey, c_name "name", c_acctbal acctbal
        from customer where c_nationkey = $1 and exists (select from orders where o_custkey = c_custkey
            and o_orderpriority = '1-URGENT' and o_totalprice > $2)
        order by c_custkey limit 50) t""",
    "W8": """select coalesce(json_agg(t), '[]')::text from (select o_orderkey orderkey, o_orderdate orderdate,
        o_totalprice totalprice, o_orderpriority orderpriority from orders
        where (o_orderdate, o_orderkey) > ($1, $2) order by o_orderdate, o_orderkey limit 100) t""",
    "W8Seek": """select row_to_json(t)::text from (select o_orderdate orderdate, o_orderkey orderkey
        from orders order by o_orderdate, o_orderkey offset $1 limit 1) t""",
    "W9": """select coalesce(json_agg(t), '[]')::text from (select n_nationkey nationkey, n_name "name",
        case when $3 then n_comment end "comment",
        (select coalesce(json_agg(c), '[]') from (select c_custkey custkey, c_name "name",
            case when $3 then c_address end address,
            case when $3 then c_phone else 'XXX-' || right(c_phone, 4) end phone,
            (select coalesce(json_agg(o), '[]') from (select o_orderkey orderkey, o_orderdate orderdate,
                case when $3 then o_clerk else '****' || right(o_clerk, 3) end clerk,
                case when $3 then o_totalprice else floor(o_totalprice / 1000) * 1000 end totalprice,
                (select coalesce(json_agg(l), '[]') from (select l_linenumber linenumber, l_quantity quantity,
                    case when $3 then l_extendedprice else floor(l_extendedprice / 100) * 100 end extendedprice,
                    case when $3 then l_comment end "comment" from lineitem
                    where l_orderkey = o_orderkey and l_shipmode = any($5) order by l_linenumber limit 3) l) lineitems
                from orders where o_custkey = c_custkey and o_orderstatus = any($4)
                order by o_orderdate desc, o_orderkey limit 5) o) orders
            from customer where c_nationkey = n_nationkey and c_nationkey = any($2)
            order by c_custkey limit 4) c) customers
        from nation where n_regionkey = $1 and n_nationkey = any($2) order by n_nationkey limit 5) t""",
    "W11": f"""select json_agg(t)::text from (select {_CUSTOMER} from customer
        where c_mktsegment = $1 and c_acctbal < $2 order by c_acctbal desc, c_custkey limit 100) t""",
}
