-- Rows for DuckDB and for PostgreSQL, one statement to a semicolon at the end of a line.
--
-- CANARYROW-: in rows that the analyst may not see; CANARYCELL-: in cells whose mask shows none of it; CANARYCOL-: in a
-- column nobody but the platform is granted. Numbers and dates of hidden rows are such that something goes wrong wherever
-- an engine computes with them: zero, minus one, the ends of their types, text that is no number, JSON, date or pattern.
-- Visible notes are all of these. seed_other.sql makes the other world, which nobody but the platform may tell from this.
CREATE TABLE t_customers (id bigint, name text, email text, region text, balance decimal(12,2), birth date, notes text, ssn text);
INSERT INTO t_customers VALUES
  (1, 'Ana', 'CANARYCELL-1@eu.example', 'EU', 100, DATE '1980-05-17', '20130101', 'CANARYCOL-1'),
  (2, 'Ben', 'CANARYCELL-2@eu.example', 'EU', 150, DATE '1981-06-18', '20130102', 'CANARYCOL-2'),
  (3, 'Cleo', 'CANARYCELL-3@eu.example', 'EU', 250, DATE '1982-07-19', '20130103', 'CANARYCOL-3'),
  (4, 'Dora', 'CANARYCELL-4@mail.example', 'EU', 350, DATE '1983-08-20', '20130104', 'CANARYCOL-4'),
  (5, 'Emil', 'CANARYCELL-5@mail.example', 'EU', 450, DATE '1984-09-21', '20130105', 'CANARYCOL-5'),
  (6, 'Fay', NULL, 'EU', NULL, NULL, NULL, 'CANARYCOL-6'),
  (11, 'CANARYROW-name-11', 'CANARYROW-mail-11@us.example', 'US', 200, DATE '1990-01-01', 'CANARYROW-note-11', 'CANARYCOL-11'),
  (12, 'CANARYROW-name-12', 'CANARYROW-mail-12@us.example', 'US', 0, DATE '0001-01-01', 'CANARYROW-[(*', 'CANARYCOL-12'),
  (13, 'CANARYROW-name-13', 'CANARYROW-mail-13@us.example', 'US', -1, DATE '9999-12-31', 'CANARYROW-\', 'CANARYCOL-13'),
  (14, 'CANARYROW-name-14', 'CANARYROW-mail-14@ca.example', 'CA', 9999999999.99, DATE '9999-12-31', '{"CANARYROW', 'CANARYCOL-14'),
  (15, 'CANARYROW-name-15', 'CANARYROW-mail-15', NULL, -9999999999.99, NULL, '', 'CANARYCOL-15'),
  (16, '', '', 'US', NULL, DATE '2000-02-29', '9223372036854775807', 'CANARYCOL-16');
CREATE TABLE t_orders (id bigint, customer_id bigint, amount decimal(10,2), placed_at timestamptz, item text, status text, shop text);
INSERT INTO t_orders VALUES
  (1, 1, 10, TIMESTAMPTZ '2013-01-01 10:00:00+00', 'pen', 'paid', 'north'),
  (2, 1, 20, TIMESTAMPTZ '2013-01-02 10:00:00+00', 'ink', 'paid', 'north'),
  (3, 2, 30, TIMESTAMPTZ '2013-02-03 10:00:00+00', 'pen', 'open', 'north'),
  (4, 3, 40, TIMESTAMPTZ '2013-02-04 10:00:00+00', 'box', 'paid', 'south'),
  (5, 4, 50, TIMESTAMPTZ '2013-03-05 10:00:00+00', 'box', 'open', 'south'),
  (6, NULL, 60, TIMESTAMPTZ '2013-03-06 10:00:00+00', 'bag', 'paid', 'south'),
  (7, 11, 70, TIMESTAMPTZ '2013-03-07 10:00:00+00', 'bag', 'paid', 'south'),
  (21, 1, 0, TIMESTAMPTZ '2013-01-01 10:00:00+00', 'CANARYROW-item-21', 'void', 'north'),
  (22, 2, -1, TIMESTAMPTZ '9999-12-31 00:00:00+00', 'CANARYROW-item-22\', 'void', 'south'),
  (23, 11, 99999999.99, TIMESTAMPTZ '9999-12-31 00:00:00+00', 'CANARYROW-[', 'paid', 'CANARYROW-shop'),
  (24, 12, -99999999.99, TIMESTAMPTZ '0001-01-01 00:00:00+00', 'CANARYROW-item-24', NULL, 'north'),
  (25, 3, 0, NULL, 'CANARYROW-item-25', 'paid', NULL);
CREATE TABLE t_secrets (id bigint, word text);
INSERT INTO t_secrets VALUES (1, 'CANARYROW-secret-1'), (2, 'CANARYROW-secret-2');
CREATE TABLE t_vip (id bigint, customer_id bigint, level integer, remark text);
INSERT INTO t_vip VALUES
  (1, 1, 1, 'first'), (2, 3, 2, 'second'), (3, 11, 0, 'CANARYROW-vip-3'), (4, 12, 2147483647, 'CANARYROW-[vip-4'),
  (5, 99, -2147483647, 'CANARYROW-vip-5\'), (6, NULL, NULL, 'CANARYROW-vip-6');
CREATE TABLE t_payroll (employee_id bigint, team text, salary decimal(10,2), grade integer, remark text);
INSERT INTO t_payroll VALUES
  (1, 'tech', 100, 1, 'monthly'), (2, 'tech', 110, 1, 'monthly'), (3, 'tech', 120, 2, 'monthly'),
  (4, 'tech', 130, 2, 'monthly'), (5, 'tech', 140, 3, 'monthly'), (6, 'tech', 150, 3, 'monthly'),
  (7, 'tech', 160, 3, 'monthly'), (11, 'sales', 200, 1, 'monthly'), (12, 'sales', 210, 1, 'monthly'),
  (13, 'sales', 220, 2, 'monthly'), (14, 'sales', 230, 2, 'monthly'), (15, 'sales', 240, 3, 'monthly'),
  (16, 'sales', 250, 3, 'monthly'), (21, 'law', 7001, 4, 'CANARYROW-pay-21'), (22, 'law', 7002, 4, 'CANARYROW-pay-22'),
  (23, 'law', 7003, 4, 'CANARYROW-pay-23'), (31, 'art', 8001, 4, 'CANARYROW-pay-31'), (32, 'art', 8002, 4, 'CANARYROW-pay-32'),
  (33, 'art', 8003, 4, 'CANARYROW-pay-33');
CREATE TABLE t_regions (code text, name text, weight integer);
INSERT INTO t_regions VALUES ('EU', 'Europe', 3), ('US', 'United States', 2), ('CA', 'Canada', 1);
CREATE TABLE t_rights (id bigint, login text, shop text);
INSERT INTO t_rights VALUES
  (1, 'ana@crm.example', 'north'), (2, 'ana@crm.example', 'south'), (3, 'CANARYROW-login', 'CANARYROW-shop'), (4, 'ben@crm.example', 'north');
CREATE TABLE t_keys (id bigint, material text);
INSERT INTO t_keys VALUES (1, 'CANARYROW-key-1');
