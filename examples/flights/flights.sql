-- The real data: the nycflights13 tables, with narrow types, keys, and the foreign keys that hold.
-- Tail numbers and destinations are no foreign keys: planes.parquet lacks 722 airframes, airports.parquet 4 airports.
CREATE TABLE airlines (carrier VARCHAR PRIMARY KEY, name VARCHAR NOT NULL);
INSERT INTO airlines SELECT carrier, name FROM read_parquet(getvariable('data') || 'airlines.parquet') ORDER BY carrier;

CREATE TABLE airports (
    faa VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, lat DOUBLE, lon DOUBLE, alt INTEGER, tz INTEGER, dst VARCHAR,
    tzone VARCHAR
);
INSERT INTO airports
SELECT faa, name, lat, lon, alt, tz, dst, tzone FROM read_parquet(getvariable('data') || 'airports.parquet') ORDER BY faa;

CREATE TABLE planes (
    tailnum VARCHAR PRIMARY KEY, year INTEGER, type VARCHAR, manufacturer VARCHAR, model VARCHAR, engines INTEGER,
    seats INTEGER, speed INTEGER, engine VARCHAR
);
INSERT INTO planes
SELECT tailnum, year, type, manufacturer, model, engines, seats, speed, engine
FROM read_parquet(getvariable('data') || 'planes.parquet') ORDER BY tailnum;

CREATE TABLE weather (
    origin VARCHAR REFERENCES airports (faa), year INTEGER, month INTEGER, day INTEGER, hour INTEGER, temp DOUBLE,
    dewp DOUBLE, humid DOUBLE, wind_dir INTEGER, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE,
    visib DOUBLE, time_hour TIMESTAMPTZ, PRIMARY KEY (origin, time_hour)
);
INSERT INTO weather
SELECT origin, year, month, day, hour, temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib,
       time_hour
FROM read_parquet(getvariable('data') || 'weather.parquet') ORDER BY origin, time_hour;

-- The source has no key of its own. These seven columns are unique; their order numbers the flights. The day of the week is
-- the date's, Monday 1 to Sunday 7.
CREATE TABLE flights (
    id BIGINT PRIMARY KEY, year INTEGER, month INTEGER, day INTEGER, dep_time INTEGER, sched_dep_time INTEGER,
    dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER, arr_delay INTEGER,
    carrier VARCHAR REFERENCES airlines (carrier), flight INTEGER, tailnum VARCHAR,
    origin VARCHAR REFERENCES airports (faa), dest VARCHAR, air_time INTEGER, distance INTEGER, hour INTEGER,
    minute INTEGER, time_hour TIMESTAMPTZ, day_of_week INTEGER
);
INSERT INTO flights
SELECT row_number() OVER (ORDER BY year, month, day, sched_dep_time, carrier, flight, origin) AS id,
       year, month, day, dep_time, sched_dep_time, dep_delay, arr_time, sched_arr_time, arr_delay, carrier, flight,
       tailnum, origin, dest, air_time, distance, hour, minute, time_hour,
       isodow(make_date(year, month, day))
FROM read_parquet(getvariable('data') || 'flights.parquet') ORDER BY id;
