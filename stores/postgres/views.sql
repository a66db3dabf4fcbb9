-- For people: the same views as a SQLite store has. An observation is of signals alone: a failed
-- call, which counts as reward 0, is in the outcome's body.

-- A name as text; bytes that are no text come with escapes.
CREATE FUNCTION shown(name bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $body$
BEGIN
  RETURN convert_from(name, 'UTF8');
EXCEPTION WHEN OTHERS THEN
  RETURN encode(name, 'escape');
END
$body$;

CREATE VIEW current_signals AS
  SELECT DISTINCT ON (r.decision, r.signal_type)
         shown(h.tenant) AS tenant, shown(h.router) AS router, shown(r.query_id) AS query_id,
         r.decision, shown(r.signal_type) AS signal_type, r.reward, r.confidence, r.position
  FROM records AS r JOIN heads AS h ON h.id = r.router
  WHERE r.kind = 'feedback' AND r.decision IS NOT NULL
  ORDER BY r.decision, r.signal_type, r.position DESC;

CREATE VIEW observations AS
  SELECT tenant, router, query_id, decision,
         sum(reward * confidence) / sum(confidence) AS reward,
         least(1.0, sum(confidence)) AS weight
  FROM current_signals
  GROUP BY tenant, router, query_id, decision HAVING sum(confidence) > 0;

CREATE VIEW current_costs AS
  SELECT DISTINCT ON (decision) decision, cost_usd, position
  FROM records WHERE kind = 'outcome' AND cost_usd IS NOT NULL AND decision IS NOT NULL
  ORDER BY decision, position DESC;

CREATE VIEW current_latencies AS
  SELECT DISTINCT ON (decision) decision, latency_ms, position
  FROM records WHERE kind = 'outcome' AND latency_ms IS NOT NULL AND decision IS NOT NULL
  ORDER BY decision, position DESC;

CREATE VIEW arm_daily AS
  SELECT (to_timestamp(d.time / 1000.0) AT TIME ZONE 'UTC')::date AS day,
         shown(h.tenant) AS tenant, shown(h.router) AS router, shown(d.arm) AS arm,
         count(*) AS decisions,
         count(o.reward) AS observed,
         sum(o.reward * o.weight) / sum(o.weight) AS mean_reward,
         avg(c.cost_usd) AS mean_cost_usd,
         avg(l.latency_ms) AS mean_latency_ms
  FROM records AS d
  JOIN heads AS h ON h.id = d.router
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  LEFT JOIN current_latencies AS l ON l.decision = d.position
  WHERE d.kind = 'decision'
  GROUP BY day, h.tenant, h.router, d.arm;

CREATE VIEW signal_counts AS
  SELECT shown(h.tenant) AS tenant, shown(h.router) AS router, r.kind,
         shown(r.signal_type) AS signal_type, count(*) AS records,
         avg(r.reward) AS mean_reward, avg(r.confidence) AS mean_confidence,
         min(r.time) AS first_time, max(r.time) AS last_time
  FROM records AS r JOIN heads AS h ON h.id = r.router
  WHERE r.signal_type IS NOT NULL
  GROUP BY h.tenant, h.router, r.kind, r.signal_type;

CREATE VIEW session_summary AS
  SELECT shown(h.tenant) AS tenant, shown(h.router) AS router, shown(d.session_id) AS session_id,
         count(*) AS decisions,
         count(DISTINCT d.arm) AS arms,
         min(d.time) AS first_time, max(d.time) AS last_time,
         count(o.reward) AS observed,
         sum(o.reward * o.weight) / sum(o.weight) AS mean_reward,
         sum(c.cost_usd) AS cost_usd,
         (SELECT count(*) FROM records AS f
          WHERE f.kind = 'session_feedback' AND f.session_id = d.session_id
            AND f.router = d.router) AS session_feedback
  FROM records AS d
  JOIN heads AS h ON h.id = d.router
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  WHERE d.kind = 'decision' AND d.session_id IS NOT NULL
  GROUP BY h.tenant, h.router, d.router, d.session_id;
