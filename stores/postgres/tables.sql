-- The tables of schema version 1. A name that a caller chose is bytea: text refuses \u0000 and
-- bytes that are not UTF-8. `body` is the record (engine/log/record_codec.h) and the only truth; the
-- columns beside it are for SQL and for the indexes. Times are UTC in milliseconds.

-- One row a log. An append holds its logs' rows until it commits, so that what it then takes from
-- log_positions grows in the order of the commits, and a reader who asks for what is above a
-- position can never skip a record. `pos` is the newest record's position; 0: none yet.
CREATE TABLE heads (
  id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant bytea  NOT NULL,
  router bytea  NOT NULL,
  pos    bigint NOT NULL DEFAULT 0,
  UNIQUE (tenant, router)
) WITH (fillfactor = 40);

-- One for all logs: positions then also tell which of two routers' records is the newer, to the
-- length of a commit. Numbers that are taken and not used are gaps.
CREATE SEQUENCE log_positions;

CREATE TABLE records (
  router      integer NOT NULL,
  position    bigint  NOT NULL,
  time        bigint  NOT NULL,
  decision    bigint,
  reward      double precision,
  confidence  double precision,
  cost_usd    double precision,
  latency_ms  double precision,
  kind        text    NOT NULL,
  query_id    bytea,
  session_id  bytea,
  arm         bytea,
  signal_type bytea,
  body        bytea   NOT NULL,
  PRIMARY KEY (router, position)
);
CREATE INDEX records_by_decision ON records (decision, position) WHERE decision IS NOT NULL;
CREATE INDEX records_by_session ON records (session_id, router, position)
  WHERE session_id IS NOT NULL;
CREATE INDEX records_with_signal ON records (router, position) WHERE signal_type IS NOT NULL;

CREATE TABLE decisions (
  position   bigint  NOT NULL,
  expires_at bigint  NOT NULL,
  router     integer NOT NULL,
  query_id   bytea   NOT NULL,
  tenant     bytea   NOT NULL,
  body_hash  bytea   NOT NULL,
  PRIMARY KEY (query_id, tenant)
);
CREATE INDEX decisions_open ON decisions (router, expires_at);

-- The current value of each signal of a decision, filed under the decision's position.
CREATE TABLE decision_slots (
  decision   bigint NOT NULL,
  position   bigint NOT NULL,
  name       bytea  NOT NULL,
  value_hash bytea  NOT NULL,
  PRIMARY KEY (decision, name)
) WITH (fillfactor = 90);

-- The same of a session (subject_kind 2) and of a router's own records (3).
CREATE TABLE slots (
  position     bigint  NOT NULL,
  router       integer NOT NULL,
  subject_kind integer NOT NULL,
  subject      bytea   NOT NULL,
  name         bytea   NOT NULL,
  value_hash   bytea   NOT NULL,
  PRIMARY KEY (subject, name, subject_kind, router)
);

-- Not partitioned: a key must be unique in all of it. Expired ones go in small batches.
CREATE TABLE idempotency_keys (
  position    bigint NOT NULL,
  recorded_at bigint NOT NULL,
  expires_at  bigint NOT NULL,
  key         bytea  NOT NULL,
  route       bytea  NOT NULL,
  tenant      bytea  NOT NULL,
  router      bytea  NOT NULL,
  body_hash   bytea  NOT NULL,
  PRIMARY KEY (key, route, tenant, router)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE record_counts (
  router      integer NOT NULL,
  records     bigint  NOT NULL,
  kind        text    NOT NULL,
  signal_type bytea   NOT NULL,
  PRIMARY KEY (router, kind, signal_type)
) WITH (fillfactor = 40);

-- A checksum is the signed number with its bits.
CREATE TABLE checkpoints (
  position bigint NOT NULL,
  format   bigint NOT NULL,
  checksum bigint NOT NULL,
  tenant   bytea  NOT NULL,
  router   bytea  NOT NULL,
  PRIMARY KEY (tenant, router, position, format)
);
CREATE TABLE checkpoint_chunks (
  position bigint  NOT NULL,
  format   bigint  NOT NULL,
  ordinal  integer NOT NULL,
  tenant   bytea   NOT NULL,
  router   bytea   NOT NULL,
  name     bytea   NOT NULL,
  bytes    bytea   NOT NULL,
  PRIMARY KEY (tenant, router, position, format, ordinal)
);
