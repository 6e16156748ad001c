alter table nation add foreign key (n_regionkey) references region;
alter table customer add foreign key (c_nationkey) references nation;
alter table orders add foreign key (o_custkey) references customer;
alter table lineitem add foreign key (l_orderkey) references orders;
create index on nation (n_regionkey);
create index on customer (c_nationkey, c_custkey);
create index on customer (c_mktsegment, c_acctbal desc, c_custkey);
create index on customer (c_acctbal);
create index on orders (o_custkey, o_orderdate desc, o_orderkey);
create index on orders (o_orderdate);
create index on lineitem (l_shipmode, l_orderkey, l_linenumber);
create index on lineitem (l_orderkey);
create index on lineitem (l_linenumber);

-- For servers that leave policy to the database (PostGraphile): row filter and masks of workload W6 over settings.
create view customer_secure with (security_barrier=false) as
  select c_custkey, c_name,
         case when coalesce(current_setting('jwt.claims.pii', true), '') = 'true' then c_address end as c_address,
         c_nationkey,
         case when coalesce(current_setting('jwt.claims.pii', true), '') = 'true' then c_phone
              else 'XXX-' || right(c_phone, 4) end as c_phone,
         c_acctbal, c_mktsegment, c_comment
    from customer
   where c_nationkey = any (string_to_array(current_setting('jwt.claims.nations', true), ',')::int[]);
comment on view customer_secure is E'@primaryKey c_custkey\n@name customer_secure';
