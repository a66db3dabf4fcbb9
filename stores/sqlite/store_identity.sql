-- Version 3: one row, whose `opening` is drawn anew whenever a process opens the file for writing
-- (stores/sqlite/sqlite_file.h). In write_proofs nothing ever stays.

CREATE TABLE store_identity (opening BLOB NOT NULL) STRICT;
INSERT INTO store_identity VALUES (randomblob(16));
CREATE TABLE write_proofs (bytes BLOB NOT NULL) STRICT;
