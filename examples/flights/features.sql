-- Features: what was known of a route and of an aircraft on the first of each month, made of the flights before it only.
-- A day's flights count from the second midnight after it: by then the last of them has landed (one was 21 hours late).
-- So a window of 30 days as of the first of a month ends with the day before the last of the month before. There is none
-- as of January, since no flight before it is known, and the year's windows begin with what 2013 has had so far.
CREATE TEMP TABLE snapshots AS
SELECT CAST(day AS DATE) AS day, CAST(day AS TIMESTAMP) AT TIME ZONE 'UTC' AS as_of
FROM range(DATE '2013-02-01', DATE '2013-12-02', INTERVAL 1 MONTH) AS months (day);

CREATE TEMP TABLE known AS
SELECT s.as_of, s.day - make_date(f.year, f.month, f.day) <= 31 AS recent, f.origin, f.dest, f.tailnum, f.arr_delay,
       CAST(f.arr_delay >= 15 AS INTEGER) AS late, CAST(f.dep_time IS NULL AS INTEGER) AS cancelled
FROM flights AS f
JOIN snapshots AS s ON make_date(f.year, f.month, f.day) BETWEEN s.day - 366 AND s.day - 2;

CREATE TABLE route_delay_features (
    origin VARCHAR REFERENCES airports (faa), dest VARCHAR, as_of TIMESTAMPTZ, flights_30d INTEGER,
    mean_delay_30d DOUBLE, late_share_30d DOUBLE, cancelled_share_30d DOUBLE, flights_365d INTEGER,
    mean_delay_365d DOUBLE, late_share_365d DOUBLE, PRIMARY KEY (origin, dest, as_of)
);
INSERT INTO route_delay_features
SELECT origin, dest, as_of, count(*) FILTER (recent), avg(arr_delay) FILTER (recent), avg(late) FILTER (recent),
       avg(cancelled) FILTER (recent), count(*), avg(arr_delay), avg(late)
FROM known GROUP BY origin, dest, as_of ORDER BY origin, dest, as_of;

-- Aircraft that planes.parquet lacks have features, too, but no age.
CREATE TABLE plane_features (
    tailnum VARCHAR, as_of TIMESTAMPTZ, age_years INTEGER, flights_30d INTEGER, mean_delay_30d DOUBLE,
    late_share_30d DOUBLE, PRIMARY KEY (tailnum, as_of)
);
INSERT INTO plane_features
SELECT k.tailnum, k.as_of, 2013 - any_value(p.year), count(*) FILTER (k.recent), avg(k.arr_delay) FILTER (k.recent),
       avg(k.late) FILTER (k.recent)
FROM known AS k LEFT JOIN planes AS p USING (tailnum)
WHERE k.tailnum IS NOT NULL GROUP BY k.tailnum, k.as_of ORDER BY k.tailnum, k.as_of;

DROP TABLE known;
DROP TABLE snapshots;
