-- A small sample of our own invention, so that a new stack has something to answer.
INSERT INTO regions (slug, name, parent_slug) VALUES
    ('north', 'The North', NULL),
    ('fjords', 'The Fjords', 'north'),
    ('south', 'The South', NULL)
ON CONFLICT DO NOTHING;

INSERT INTO ports (code, name, parent_slug) VALUES
    ('NOAAA', 'Aldervik', 'fjords'),
    ('NOBBB', 'Bergsund', 'fjords'),
    ('NOCCC', 'Caldhavn', 'north'),
    ('SODDD', 'Dunmar', 'south'),
    ('SOEEE', 'Estoril Bay', 'south')
ON CONFLICT DO NOTHING;

-- January 2021: every route has four prices a day, but on the 10th there are two and on the 20th none.
INSERT INTO prices (orig_code, dest_code, day, price)
SELECT origin.code, destination.code, day::date,
       1000 + 10 * extract(day FROM day)::integer + 100 * ascii(right(origin.code, 1)) % 700 + 5 * quote
FROM generate_series('2021-01-01'::date, '2021-01-31'::date, interval '1 day') AS day
CROSS JOIN (SELECT code FROM ports WHERE code LIKE 'NO%') AS origin
CROSS JOIN (SELECT code FROM ports WHERE code LIKE 'SO%') AS destination
CROSS JOIN generate_series(1, 4) AS quote
WHERE day::date <> '2021-01-20'
  AND (day::date <> '2021-01-10' OR quote <= 2 AND origin.code = 'NOAAA' AND destination.code = 'SODDD');
