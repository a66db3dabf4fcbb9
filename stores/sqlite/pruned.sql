-- Version 2: what was pruned. A router's log is whole from position `below` on.

CREATE TABLE pruned (
  tenant TEXT    NOT NULL,
  router TEXT    NOT NULL,
  below  INTEGER NOT NULL,
  PRIMARY KEY (tenant, router)
) STRICT, WITHOUT ROWID;
