-- The other world, made of the first: what the analyst may see is the same, and everything else is not. Hidden rows are
-- harmless here, and there are other numbers of them; masked cells, ungranted columns and entitlements of others differ
-- too. At last each table is written anew, so that its visible rows lie in one order in both worlds.
UPDATE t_customers SET email = 'CANARYCELL-other-' || email, ssn = 'CANARYCOL-other-' || id WHERE region = 'EU';
UPDATE t_customers SET birth = DATE '1980-01-02' WHERE id = 1;
UPDATE t_customers SET birth = DATE '1984-12-30' WHERE id = 5;
DELETE FROM t_customers WHERE id IN (13, 14, 15, 16);
UPDATE t_customers SET balance = 300, birth = DATE '1995-05-05', notes = '20130111', name = 'CANARYROW-other', region = 'UK' WHERE id = 11;
UPDATE t_customers SET balance = 400, birth = DATE '1996-06-06', notes = '20130112', name = 'CANARYROW-else', region = NULL WHERE id = 12;
INSERT INTO t_customers VALUES
  (31, 'CANARYROW-new', 'CANARYROW-new@us.example', 'US', 500, DATE '1997-07-07', '20130113', 'CANARYCOL-31'),
  (32, 'CANARYROW-new', 'CANARYROW-new@us.example', 'US', 600, DATE '1998-08-08', '20130114', 'CANARYCOL-32');
DELETE FROM t_orders WHERE id IN (22, 23, 24);
UPDATE t_orders SET amount = 25, item = 'CANARYROW-fine', placed_at = TIMESTAMPTZ '2013-04-01 00:00:00+00' WHERE id IN (21, 25);
DELETE FROM t_secrets WHERE id = 2;
UPDATE t_secrets SET word = 'CANARYROW-otherword';
UPDATE t_vip SET level = 1, remark = 'CANARYROW-calm' WHERE id = 3;
DELETE FROM t_vip WHERE id IN (4, 5, 6);
UPDATE t_payroll SET salary = CASE team WHEN 'law' THEN salary + 1000 ELSE salary - 1000 END, remark = 'CANARYROW-swapped-' || employee_id WHERE team IN ('law', 'art');
UPDATE t_rights SET shop = 'CANARYROW-market' WHERE id = 3;
DELETE FROM t_rights WHERE id = 4;
UPDATE t_keys SET material = 'CANARYROW-rotated';
CREATE TABLE t_anew AS SELECT * FROM t_customers ORDER BY id;
DROP TABLE t_customers;
ALTER TABLE t_anew RENAME TO t_customers;
CREATE TABLE t_anew AS SELECT * FROM t_orders ORDER BY id;
DROP TABLE t_orders;
ALTER TABLE t_anew RENAME TO t_orders;
CREATE TABLE t_anew AS SELECT * FROM t_vip ORDER BY id;
DROP TABLE t_vip;
ALTER TABLE t_anew RENAME TO t_vip;
CREATE TABLE t_anew AS SELECT * FROM t_payroll ORDER BY employee_id;
DROP TABLE t_payroll;
ALTER TABLE t_anew RENAME TO t_payroll;
