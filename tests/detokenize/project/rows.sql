CREATE TABLE bookings (id BIGINT, passport TEXT, visa TEXT, phone TEXT, email TEXT, seat TEXT, residency TEXT, status TEXT);
INSERT INTO bookings VALUES
  (1, 'P-100', 'V-1', '+49 1', 'Ann@example.org', '1A', 'EU', 'paid'),
  (2, 'P-200', 'V-2', '+1 2', 'bob@example.org', '2B', 'US', 'paid'),
  (3, 'P-300', 'V-3', '+49 3', 'cyd@example.org', '3C', 'EU', 'void'),
  (4, 'P-100', 'V-4', '+1 4', 'Ann@example.org', '4D', 'US', 'paid'),
  (5, NULL, NULL, NULL, NULL, '5E', 'EU', 'paid'),
  (6, '', '', '', '', '6F', NULL, 'paid'),
  (7, 'Zoë 😀', 'V-7', '+49 7', 'zoe@example.org', '7G', 'EU', 'paid');
CREATE TABLE visits (id BIGINT, booking_id BIGINT, card TEXT);
INSERT INTO visits VALUES (1, 1, 'C-1'), (2, 1, 'C-2'), (3, 2, 'C-3'), (4, 4, 'C-4');
