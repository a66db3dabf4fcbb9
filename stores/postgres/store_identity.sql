-- What leads to version 5: one row, drawn once. Another database at the same address, as one that
-- was made anew, holds another. `writes` counts proofs that PostgreSQL takes records.
CREATE TABLE store_identity (id text NOT NULL, writes bigint NOT NULL DEFAULT 0);
INSERT INTO store_identity (id) VALUES (gen_random_uuid()::text);
