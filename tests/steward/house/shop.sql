CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR, email VARCHAR, region VARCHAR, credit_margin DECIMAL(10,2), born DATE);
INSERT INTO customers VALUES
  (1, 'Ada Lovelace', 'ada@example.org', 'north', 10.50, DATE '1980-12-10'),
  (2, 'Bob Kahn', 'bob@example.org', 'north', 20.00, DATE '1975-06-01'),
  (3, 'Cleo Patra', NULL, 'south', NULL, DATE '1990-01-31'),
  (4, 'Dan Brown', 'dan@example.org', 'south', 5.25, NULL);
CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id BIGINT REFERENCES customers (id), region VARCHAR, amount DECIMAL(10,2), weight DOUBLE, placed TIMESTAMPTZ);
INSERT INTO orders VALUES
  (1, 1, 'north', 120.00, 0.1, '2024-01-01 00:00:00+00'),
  (2, 1, 'north', 80.00, 0.2, '2024-02-01 12:30:00+00'),
  (3, 2, 'north', -5.00, 1.5, '2024-02-03 00:00:00+00'),
  (4, 3, 'south', 300.00, NULL, '2024-03-01 00:00:00+00'),
  (5, 4, 'south', 10.00, 2.0, '2024-03-02 00:00:00+00');
