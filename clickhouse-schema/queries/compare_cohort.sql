-- One row per metric, in the order of `domain::cohort::METRICS`. `own` is the value of the session that is asked for:
-- its own row where it is in the cohort, else what the caller gave. The ratios travel as their bits, so that nothing
-- is lost on the way through text.
SELECT
    count() AS sessions,
    countIf(tests_passed_at_end) AS passed,
    avg(value) AS average,
    count(value) AS with_value,
    toBool(max(is_subject)) AS is_member,
    any(own) AS own_value,
    countIf(if(less_is_better, own < value, own > value)) AS beaten
FROM
(
    SELECT
        metric, value, tests_passed_at_end, less_is_better, is_subject,
        if(
            max(is_subject) OVER (PARTITION BY metric),
            maxIf(value, is_subject) OVER (PARTITION BY metric),
            reinterpretAsFloat64(given)
        ) AS own
    FROM
    (
        SELECT
            session_id = {subject:String} AS is_subject,
            tests_passed_at_end,
            [{values}] AS values
        FROM session_results FINAL
        WHERE org_id = {org:UUID} AND assessment_id = {assessment:UUID} AND ended_at IS NOT NULL
    )
    ARRAY JOIN
        values AS value,
        arrayEnumerate(values) AS metric,
        {less_is_better:Array(Bool)} AS less_is_better,
        {given:Array(Nullable(UInt64))} AS given
)
GROUP BY metric
ORDER BY metric
