-- Saves a checkpoint and keeps the newest two of its scope. False: it is stored with another
-- checksum. The same call again changes nothing.
CREATE FUNCTION save_checkpoint(
  p_tenant bytea, p_router bytea, p_format bigint, p_position bigint, p_checksum bigint,
  p_name bytea[], p_bytes bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $body$
#variable_conflict use_column
BEGIN
  INSERT INTO checkpoints (position, format, checksum, tenant, router)
    VALUES (p_position, p_format, p_checksum, p_tenant, p_router)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    -- A later statement, so that it sees one that was being saved meanwhile.
    RETURN coalesce((SELECT c.checksum = p_checksum FROM checkpoints AS c
                     WHERE c.tenant = p_tenant AND c.router = p_router
                       AND c.format = p_format AND c.position = p_position), true);
  END IF;
  INSERT INTO checkpoint_chunks (position, format, ordinal, tenant, router, name, bytes)
    SELECT p_position, p_format, c.n, p_tenant, p_router, c.name, c.bytes
    FROM unnest(p_name, p_bytes) WITH ORDINALITY AS c(name, bytes, n);
  DELETE FROM checkpoints AS c
    WHERE c.tenant = p_tenant AND c.router = p_router AND (c.position, c.format) NOT IN (
      SELECT k.position, k.format FROM checkpoints AS k
      WHERE k.tenant = p_tenant AND k.router = p_router
      ORDER BY k.position DESC, k.format DESC LIMIT 2);
  DELETE FROM checkpoint_chunks AS c
    WHERE c.tenant = p_tenant AND c.router = p_router AND NOT EXISTS (
      SELECT FROM checkpoints AS k
      WHERE k.tenant = p_tenant AND k.router = p_router
        AND k.position = c.position AND k.format = c.format);
  RETURN true;
END
$body$;
