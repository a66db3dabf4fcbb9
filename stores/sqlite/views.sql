-- Version 1: views for people. An observation here is made of signals alone: a failed call, which
-- counts as reward 0, stands in the outcome's body. MAX(position) picks the row that the bare
-- columns are taken from, which is a rule of SQLite's.

CREATE VIEW current_signals AS
  SELECT tenant, router, query_id, decision, signal_type, reward, confidence,
         MAX(position) AS position
  FROM records WHERE kind = 'feedback' AND decision IS NOT NULL
  GROUP BY decision, signal_type;

CREATE VIEW observations AS
  SELECT tenant, router, query_id, decision,
         SUM(reward * confidence) / SUM(confidence) AS reward,
         MIN(1.0, SUM(confidence)) AS weight
  FROM current_signals
  GROUP BY decision HAVING SUM(confidence) > 0;

CREATE VIEW current_costs AS
  SELECT decision, cost_usd, MAX(position) AS position
  FROM records WHERE kind = 'outcome' AND cost_usd IS NOT NULL AND decision IS NOT NULL
  GROUP BY decision;

CREATE VIEW current_latencies AS
  SELECT decision, latency_ms, MAX(position) AS position
  FROM records WHERE kind = 'outcome' AND latency_ms IS NOT NULL AND decision IS NOT NULL
  GROUP BY decision;

CREATE VIEW arm_daily AS
  SELECT date(d.time / 1000, 'unixepoch') AS day, d.tenant, d.router, d.arm,
         COUNT(*) AS decisions,
         COUNT(o.reward) AS observed,
         SUM(o.reward * o.weight) / SUM(o.weight) AS mean_reward,
         AVG(c.cost_usd) AS mean_cost_usd,
         AVG(l.latency_ms) AS mean_latency_ms
  FROM records AS d
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  LEFT JOIN current_latencies AS l ON l.decision = d.position
  WHERE d.kind = 'decision'
  GROUP BY day, d.tenant, d.router, d.arm;

CREATE VIEW signal_counts AS
  SELECT tenant, router, kind, signal_type, COUNT(*) AS records,
         AVG(reward) AS mean_reward, AVG(confidence) AS mean_confidence,
         MIN(time) AS first_time, MAX(time) AS last_time
  FROM records WHERE signal_type IS NOT NULL
  GROUP BY tenant, router, kind, signal_type;

CREATE VIEW session_summary AS
  SELECT d.tenant, d.router, d.session_id,
         COUNT(*) AS decisions,
         COUNT(DISTINCT d.arm) AS arms,
         MIN(d.time) AS first_time, MAX(d.time) AS last_time,
         COUNT(o.reward) AS observed,
         SUM(o.reward * o.weight) / SUM(o.weight) AS mean_reward,
         SUM(c.cost_usd) AS cost_usd,
         (SELECT COUNT(*) FROM records AS f
          WHERE f.kind = 'session_feedback' AND f.session_id = d.session_id
            AND f.tenant = d.tenant AND f.router = d.router) AS session_feedback
  FROM records AS d
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  WHERE d.kind = 'decision' AND d.session_id IS NOT NULL
  GROUP BY d.tenant, d.router, d.session_id;
