-- One row per metric that has values: quantiles by linear interpolation, and ten bins of equal width (one when all
-- values are equal); the last bin includes the greatest value.
SELECT
    metric,
    least,
    most,
    quantiles,
    arrayMap(
        bin -> (
            edges[bin],
            edges[bin + 1],
            toUInt64(arrayCount(one -> one >= edges[bin] AND (one < edges[bin + 1] OR bin = bins), every))
        ),
        range(1, bins + 1)
    ) AS histogram
FROM
(
    SELECT
        metric,
        min(value) AS least,
        max(value) AS most,
        quantilesExactInclusive(0.1, 0.25, 0.5, 0.75, 0.9)(value) AS quantiles,
        groupArray(value) AS every,
        if(least = most, 1, 10) AS bins,
        arrayMap(edge -> if(edge = bins, most, least + (most - least) * edge / bins), range(bins + 1)) AS edges
    FROM
    (
        SELECT metric, assumeNotNull(nullable_value) AS value
        FROM
        (
            SELECT [{values}] AS values
            FROM session_results FINAL
            WHERE org_id = {org:UUID} AND assessment_id = {assessment:UUID} AND ended_at IS NOT NULL
        )
        ARRAY JOIN values AS nullable_value, arrayEnumerate(values) AS metric
        WHERE nullable_value IS NOT NULL
    )
    GROUP BY metric
)
ORDER BY metric
