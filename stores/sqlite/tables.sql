-- Version 1: the log and what is looked up beside it. `body` is the record
-- (engine/log/record_codec.h) and the only truth; the columns beside it are for SQL and for the
-- indexes. Times are UTC in milliseconds. `decision` is the position of the decision that a record
-- speaks of. Records are filed under it, and not under the query_id, because query_ids are random:
-- an append then touches a few neighbouring pages, and every page touched goes through the WAL.

CREATE TABLE records (
  position    INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant      TEXT    NOT NULL,
  router      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  time        INTEGER NOT NULL,
  decision    INTEGER,
  query_id    TEXT,
  session_id  TEXT,
  arm         TEXT,
  signal_type TEXT,
  reward      REAL,
  confidence  REAL,
  cost_usd    REAL,
  latency_ms  REAL,
  body        BLOB    NOT NULL
) STRICT;
CREATE INDEX records_by_router ON records (tenant, router);
CREATE INDEX records_by_decision ON records (decision) WHERE decision IS NOT NULL;
CREATE INDEX records_by_session ON records (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX records_with_signal ON records (tenant) WHERE signal_type IS NOT NULL;

CREATE TABLE decisions (
  query_id   TEXT    NOT NULL,
  tenant     TEXT    NOT NULL,
  router     TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  body_hash  BLOB    NOT NULL,
  PRIMARY KEY (query_id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_open ON decisions (tenant, router, expires_at);

-- The current value of each signal of a decision, filed under the decision's position.
CREATE TABLE decision_slots (
  decision   INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  value_hash BLOB    NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (decision, name)
) STRICT, WITHOUT ROWID;

-- The current value of each slot of a session (subject_kind 2) and of a router's own records (3).
CREATE TABLE slots (
  subject      TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  subject_kind INTEGER NOT NULL,
  tenant       TEXT    NOT NULL,
  router       TEXT    NOT NULL,
  value_hash   BLOB    NOT NULL,
  position     INTEGER NOT NULL,
  PRIMARY KEY (subject, name, subject_kind, tenant, router)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  key        TEXT    NOT NULL,
  route      TEXT    NOT NULL,
  tenant     TEXT    NOT NULL,
  router     TEXT    NOT NULL,
  body_hash  BLOB    NOT NULL,
  position   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (key, route, tenant, router)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE record_counts (
  tenant      TEXT    NOT NULL,
  router      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  signal_type TEXT    NOT NULL,
  records     INTEGER NOT NULL,
  PRIMARY KEY (tenant, router, kind, signal_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  tenant   TEXT    NOT NULL,
  router   TEXT    NOT NULL,
  format   INTEGER NOT NULL,
  position INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (tenant, router, position, format)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint_chunks (
  tenant   TEXT    NOT NULL,
  router   TEXT    NOT NULL,
  format   INTEGER NOT NULL,
  position INTEGER NOT NULL,
  ordinal  INTEGER NOT NULL,
  name     TEXT    NOT NULL,
  bytes    BLOB    NOT NULL,
  PRIMARY KEY (tenant, router, position, format, ordinal)
) STRICT;
