CREATE TABLE tickets (id BIGINT PRIMARY KEY, customer_id BIGINT, "Note" TEXT);
INSERT INTO tickets VALUES (1, 1, 'late'), (2, 3, 'broken');
