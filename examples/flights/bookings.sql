-- SYNTHETIC passengers and bookings: nobody here exists. The flights they point to are real.
--   names     drawn from short lists of common names
--   email     example.com, example.org, example.net (RFC 2606: reserved, never delivered)
--   phone     ranges that each regulator keeps for fiction (555-01xx, 07700 900xxx, 01 99 00 xx xx ..)
--   passport  'UT' + 7 digits, after Utopia, the specimen country of ICAO Doc 9303
--   card      Luhn-valid numbers under the test prefixes 411111, 424242, 555555 of payment documentation
-- Everything follows from md5(seed, what for, row number): the same seed gives the same rows on every machine, and the
-- first 50,000 of a million bookings are the same 50,000: each 50,000 bookings draw from 35,000 passengers of their own.
CREATE TEMP MACRO dice(what, n) AS CAST(md5_number_lower(concat(getvariable('seed'), what, n)) >> 1 AS BIGINT);
CREATE TEMP MACRO pick(list, value) AS list[CAST(value % len(list) AS INTEGER) + 1];
CREATE TEMP MACRO digits(value, width) AS lpad(CAST(value % CAST(pow(10, width) AS BIGINT) AS VARCHAR), width, '0');
CREATE TEMP MACRO letter(value) AS chr(65 + CAST(value % 26 AS INTEGER));

-- Luhn, by pairs of digits from the right: the right one counts double (less 9 when over 9), the left one once.
CREATE TEMP MACRO luhn_pair(pair) AS pair // 10 + 2 * (pair % 10) - CASE WHEN pair % 10 > 4 THEN 9 ELSE 0 END;
CREATE TEMP MACRO luhn_sum(body) AS luhn_pair(body % 100) + luhn_pair(body // 100 % 100)
    + luhn_pair(body // 10000 % 100) + luhn_pair(body // 1000000 % 100) + luhn_pair(body // 100000000 % 100)
    + luhn_pair(body // 10000000000 % 100) + luhn_pair(body // 1000000000000 % 100) + luhn_pair(body // 100000000000000);
CREATE TEMP MACRO with_check_digit(body) AS CAST(10 * body + (10 - luhn_sum(body) % 10) % 10 AS VARCHAR);

-- Tables, not lists: an element of a constant list copies the list for every row.
CREATE TEMP TABLE first_names AS
SELECT generate_subscripts(getvariable('first_names'), 1) - 1 AS n, unnest(getvariable('first_names')) AS name;
CREATE TEMP TABLE last_names AS
SELECT generate_subscripts(getvariable('last_names'), 1) - 1 AS n, unnest(getvariable('last_names')) AS name;
CREATE TEMP TABLE homes AS
SELECT row_number() OVER () - 1 AS home, country, region, currency
FROM (VALUES
    ('US', 'US', 'USD', 9), ('DE', 'EU', 'EUR', 2), ('FR', 'EU', 'EUR', 2), ('IE', 'EU', 'EUR', 1),
    ('SE', 'EU', 'SEK', 1), ('GB', 'UK', 'GBP', 2), ('CA', 'CA', 'CAD', 2), ('AU', 'AU', 'AUD', 1)
) AS share (country, region, currency, parts), range(parts);

CREATE TEMP TABLE passengers AS
WITH drawn AS (
    SELECT passenger, dice('name', passenger) AS q, dice('contact', passenger) AS r, dice('papers', passenger) AS s
    FROM range(35000 * ((getvariable('bookings') - 1) // 50000 + 1)) AS p (passenger)
), people AS (
    SELECT d.*, first.name AS first_name, last.name AS last_name, h.country, h.region, h.currency
    FROM drawn AS d
    JOIN first_names AS first ON first.n = d.q % (SELECT count(*) FROM first_names)
    JOIN last_names AS last ON last.n = d.q // 1000 % (SELECT count(*) FROM last_names)
    JOIN homes AS h ON h.home = d.q // 1000000 % (SELECT count(*) FROM homes)
)
SELECT passenger,
       first_name || ' ' || last_name AS passenger_name,
       lower(strip_accents(replace(first_name || '.' || last_name, '''', ''))) || passenger || '@'
           || pick(['example.com', 'example.org', 'example.net'], r) AS email,
       CASE WHEN r % 20 > 0 THEN CASE country
           WHEN 'US' THEN '+1 212-555-01' || digits(r // 100, 2)
           WHEN 'CA' THEN '+1 416-555-01' || digits(r // 100, 2)
           WHEN 'GB' THEN '+44 7700 900' || digits(r // 100, 3)
           WHEN 'DE' THEN '+49 30 23125 ' || digits(r // 100, 3)
           WHEN 'FR' THEN '+33 1 99 00 ' || digits(r // 100, 2) || ' ' || digits(r // 10000, 2)
           WHEN 'IE' THEN '+353 20 91' || digits(r // 100, 1) || ' ' || digits(r // 1000, 4)
           WHEN 'SE' THEN '+46 8 465 004 ' || digits(r // 100, 2)
           ELSE '+61 2 5550 ' || digits(r // 100, 4)
       END END AS phone,
       CASE WHEN s % 5 > 0 THEN 'UT' || digits(s // 10, 7) END AS passport,
       with_check_digit(
           CAST(pick([411111000000000, 424242000000000, 555555000000000], s // 7) + s // 1000 % 1000000000 AS BIGINT)
       ) AS card_number,
       DATE '1934-01-01' + CAST((r // 7) % 26000 AS INTEGER) AS birth_date,
       CASE country
           WHEN 'GB' THEN letter(s) || letter(s // 26) || digits(s // 676, 1) || ' ' || digits(s // 7, 1)
               || letter(s // 77) || letter(s // 777)
           WHEN 'IE' THEN letter(s) || digits(s // 26, 2) || ' ' || letter(s // 77) || digits(s // 777, 3)
           WHEN 'CA' THEN letter(s) || digits(s // 26, 1) || letter(s // 77) || ' ' || digits(s // 7, 1)
               || letter(s // 777) || digits(s // 70, 1)
           WHEN 'SE' THEN digits(s, 3) || ' ' || digits(s // 1000, 2)
           WHEN 'AU' THEN digits(s, 4)
           ELSE digits(s, 5)
       END AS postcode,
       country, region, currency
FROM people;

CREATE TABLE bookings (
    booking_id BIGINT PRIMARY KEY, flight_id BIGINT NOT NULL REFERENCES flights (id), carrier VARCHAR NOT NULL,
    passenger_name VARCHAR NOT NULL, email VARCHAR NOT NULL, phone VARCHAR, passport VARCHAR, card_number VARCHAR NOT NULL,
    birth_date DATE NOT NULL, fare DECIMAL(10, 2) NOT NULL, currency VARCHAR NOT NULL, postcode VARCHAR NOT NULL,
    country VARCHAR NOT NULL, region VARCHAR NOT NULL, booked_at TIMESTAMPTZ NOT NULL, agency VARCHAR, cabin VARCHAR NOT NULL
);
INSERT INTO bookings
WITH drawn AS (
    SELECT n AS booking_id,
           dice('flight', n) % (SELECT count(*) FROM flights) + 1 AS flight_id,
           (n - 1) // 50000 * 35000 + dice('passenger', n) % 35000 AS passenger,
           dice('trip', n) AS trip
    FROM range(1, getvariable('bookings') + 1) AS t (n)
), seated AS (
    SELECT booking_id, flight_id, passenger, pick(getvariable('agencies'), trip // 1000000000000) AS agency,
           trip % 1000000000000 AS r,
           CASE WHEN r % 100 < 78 THEN 'economy' WHEN r % 100 < 90 THEN 'premium' WHEN r % 100 < 98 THEN 'business'
           ELSE 'first' END AS cabin
    FROM drawn
)
SELECT d.booking_id, d.flight_id, f.carrier, p.passenger_name, p.email, p.phone, p.passport, p.card_number, p.birth_date,
       -- In whole cents, so that no machine rounds differently: distance, then the seat, then 60 to 180 percent demand.
       CAST((4000 + 12 * f.distance) * (60 + (d.r // 100) % 121)
           * CASE d.cabin WHEN 'economy' THEN 10 WHEN 'premium' THEN 16 WHEN 'business' THEN 28 ELSE 45 END // 1000
           AS DECIMAL(18, 2)) / 100 AS fare,
       p.currency, p.postcode, p.country, p.region,
       f.time_hour - to_seconds(86400 + (d.r // 20000) % 15552000) AS booked_at,
       d.agency, d.cabin
FROM seated AS d
JOIN flights AS f ON f.id = d.flight_id
JOIN passengers AS p ON p.passenger = d.passenger
ORDER BY d.booking_id;
